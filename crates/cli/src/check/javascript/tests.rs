//! The forms that Cloud Calls take in JavaScript and TypeScript.

use std::path::PathBuf;

use super::*;
use crate::check::text::Text;

fn uses(files: &[(&str, &str)]) -> Uses {
    let sources: Vec<_> = files
        .iter()
        .map(|(name, text)| Source {
            path: PathBuf::from(name),
            name: (*name).into(),
            text: Text::new(text),
            not_utf8: None,
        })
        .collect();
    read(&sources, &[])
}

/// The APIs that the files call, each once, and what cannot be told.
fn found(files: &[(&str, &str)]) -> (Vec<String>, Vec<String>) {
    let uses = uses(files);
    assert!(uses.errors.is_empty(), "{files:?}: {:?}", uses.errors);
    let mut calls: Vec<_> = uses.calls.into_iter().map(|(api, _)| api).collect();
    calls.dedup();
    (
        calls,
        uses.unclear.into_iter().map(|(_, why)| why).collect(),
    )
}

const SEND: &str = "customerServiceMessage.send";

/// That the files call `customerServiceMessage.send`, and nothing else.
#[track_caller]
fn sends(files: &[(&str, &str)]) {
    assert_eq!(found(files), (vec![SEND.to_owned()], vec![]), "{files:?}");
}

#[test]
fn every_form_in_one_file_is_followed() {
    for body in [
        "cloud.openapi.customerServiceMessage.send({})",
        "cloud.openapi({ convertCase: false }).customerServiceMessage.send({})",
        "cloud.openapi['customerServiceMessage'].send({})",
        "cloud['openapi'][`customerServiceMessage`]['send']({})",
        "cloud?.openapi?.customerServiceMessage?.send?.({})",
        "cloud.openapi?.['customerServiceMessage'].send({})",
        "(cloud.openapi).customerServiceMessage.send({})",
        "cloud.openapi.customerServiceMessage.send.call(null, {})",
        "const { openapi } = cloud; openapi.customerServiceMessage.send({})",
        "const { openapi: api } = cloud; api.customerServiceMessage.send({})",
        "const { openapi: { customerServiceMessage } } = cloud; customerServiceMessage.send({})",
        "const { customerServiceMessage: { send } } = cloud.openapi; send({})",
        "const { customerServiceMessage } = cloud.openapi; customerServiceMessage.send({})",
        "const { ['customerServiceMessage']: csm } = cloud.openapi; csm.send({})",
        "const { init, ...rest } = cloud; rest.openapi.customerServiceMessage.send({})",
        "const api = cloud.openapi; const csm = api.customerServiceMessage; csm.send({})",
        "let api; function use() { api.customerServiceMessage.send({}) } api = cloud.openapi",
        "let openapi; ({ openapi } = cloud); openapi.customerServiceMessage.send({})",
        "let csm; ({ customerServiceMessage: csm } = cloud.openapi); csm.send({})",
        "const name = 'customerServiceMessage'; cloud.openapi[name].send({})",
        "const names = { csm: 'customerServiceMessage' }; cloud.openapi[names.csm].send({})",
        "const instance = new cloud.Cloud({ env: 'x' }); instance.openapi.customerServiceMessage.send({})",
        "const instance = cloud.createNewInstance({}); instance.openapi.customerServiceMessage.send({})",
        "const send = cloud.openapi.customerServiceMessage.send.bind(null); cloud.openapi.wxacode.bind(null)",
        "const wx = cloud || other; wx.openapi.customerServiceMessage.send({})",
        "const wx = test ? cloud : fake; wx.openapi.customerServiceMessage.send({})",
        "const lib = { cloud, api: cloud.openapi }; lib.api.customerServiceMessage.send({})",
        "const lib = { ...{ cloud } }; lib.cloud.openapi.customerServiceMessage.send({})",
        "const lib = {}; lib.cloud = cloud; lib.cloud.openapi.customerServiceMessage.send({})",
        "function get() { return cloud.openapi } get().customerServiceMessage.send({})",
        "const get = () => cloud.openapi; get().customerServiceMessage.send({})",
        "async function get() { return cloud } async function f() { (await get()).openapi.customerServiceMessage.send({}) }",
        "function go(api) { return api.customerServiceMessage.send({}) } go(cloud.openapi)",
        "const go = ({ wx }) => wx.openapi.customerServiceMessage.send({}); go({ wx: cloud })",
        "function go(api = cloud.openapi) { return api.customerServiceMessage.send({}) }",
        "class A { constructor() { this.cloud = cloud } f() { this.cloud.openapi.customerServiceMessage.send({}) } }",
        "class A { api = cloud.openapi; f() { this.api.customerServiceMessage.send({}) } }",
        "class A { #api = cloud.openapi; f() { this.#api.customerServiceMessage.send({}) } }",
        "class A { get api() { return cloud.openapi } f() { this.api.customerServiceMessage.send({}) } }",
        "class A { constructor(wx) { this.wx = wx } f() { this.wx.openapi.customerServiceMessage.send({}) } } new A(cloud)",
        "class A { static cloud = cloud; static f() { return A.cloud.openapi.customerServiceMessage.send({}) } }",
        "class A {} A.cloud = cloud; A.cloud.openapi.customerServiceMessage.send({})",
        "const lib = { get api() { return cloud.openapi } }; lib.api.customerServiceMessage.send({})",
        "const lib = { cloud, send() { return this.cloud.openapi.customerServiceMessage.send({}) } }",
        "class A { api() { return cloud.openapi } } class B extends A { f() { super.api().customerServiceMessage.send({}) } }",
        "exports.main = async event => { await Promise.all(event.ids.map(id => cloud.openapi.customerServiceMessage.send({ touser: id }))) }",
        "if (x) { const cloud = {}; cloud.openapi.wxacode.get() } cloud.openapi.customerServiceMessage.send({})",
        "try { throw 1 } catch (cloud) { cloud.openapi.wxacode.get() } cloud.openapi.customerServiceMessage.send()",
        "console.log(cloud); const send = cloud.openapi.customerServiceMessage.send; setTimeout(() => send({}), 1)",
    ] {
        let text = format!("const cloud = require('wx-server-sdk');\n{body}");
        sends(&[("index.js", &text)]);
    }
}

#[test]
fn every_way_to_get_the_sdk_is_known() {
    for text in [
        "require('wx-server-sdk').openapi.customerServiceMessage.send({})",
        "const { openapi } = require(\"wx-server-sdk\"); openapi.customerServiceMessage.send({})",
        "const c = require(`wx-server-sdk`); c.openapi.customerServiceMessage.send({})",
        "var a = 1, c = require('wx-server-sdk'); c.openapi.customerServiceMessage.send({})",
        "import cloud from 'wx-server-sdk'; cloud.openapi.customerServiceMessage.send({})",
        "import * as cloud from 'wx-server-sdk'; cloud.openapi.customerServiceMessage.send({})",
        "import { openapi as o } from 'wx-server-sdk'; o.customerServiceMessage.send({})",
        "import { default as c } from 'wx-server-sdk'; c.openapi.customerServiceMessage.send({})",
        "exports.main = async () => { const c = await import('wx-server-sdk'); c.default.openapi.customerServiceMessage.send({}) }",
        "import('wx-server-sdk').then(({ default: c }) => c.openapi.customerServiceMessage.send({}))",
        "const sdk_1 = __importDefault(require('wx-server-sdk')); (0, sdk_1.default).openapi.customerServiceMessage.send({})",
        "const sdk = tslib_1.__importStar(require('wx-server-sdk')); sdk.openapi.customerServiceMessage.send({})",
        "module.require('wx-server-sdk').openapi.customerServiceMessage.send({})",
        "import { createRequire } from 'node:module'; const require = createRequire(import.meta.url); require('wx-server-sdk').openapi.customerServiceMessage.send({})",
        "let c; c = require('wx-server-sdk'); c.openapi.customerServiceMessage.send({}); return",
    ] {
        sends(&[("index.js", text)]);
    }
    for text in [
        "import cloud = require('wx-server-sdk'); cloud.openapi.customerServiceMessage.send({})",
        "import cloud from 'wx-server-sdk'; (cloud as any).openapi!.customerServiceMessage.send<void>({})",
        "import * as c from 'wx-server-sdk'; type T = typeof c; const api: any = c.openapi; (<any>api).customerServiceMessage.send({})",
        "import c from 'wx-server-sdk'; class A { constructor(private readonly c: typeof c) {} f() { return this.c.openapi.customerServiceMessage.send({}) } } new A(c)",
        "import c from 'wx-server-sdk'; enum E { A } export const f = async (e: E): Promise<void> => { await c.openapi.customerServiceMessage.send({ e }) }",
    ] {
        sends(&[("index.ts", text)]);
    }
}

#[test]
fn what_only_looks_like_a_call_is_none() {
    for text in [
        "// cloud.openapi.customerServiceMessage.send({})\nconst cloud = require('wx-server-sdk')",
        "/* cloud.openapi.customerServiceMessage.send({}) */ const cloud = require('wx-server-sdk')",
        "const cloud = require('wx-server-sdk'); console.log('cloud.openapi.customerServiceMessage.send')",
        "const cloud = require('wx-server-sdk'); const re = /cloud.openapi.customerServiceMessage.send/",
        "const cloud = require('wx-server-sdk'); f(`${1} cloud.openapi.customerServiceMessage.send({})`)",
        "const cloud = require('wx-server-sdk'); function f(cloud) { cloud.openapi.customerServiceMessage.send() } f({})",
        "const cloud = require('./wx-server-sdk'); cloud.openapi.customerServiceMessage.send({})",
        "const cloud = require('other'); cloud.openapi.customerServiceMessage.send('wx-server-sdk')",
        "function require() {} const cloud = require('wx-server-sdk'); cloud.openapi.customerServiceMessage.send()",
        "const cloud = require('wx-server-sdk'); cloud.database().openapi.customerServiceMessage.send()",
        "const cloud = require('wx-server-sdk'); cloud.init({ env: cloud.DYNAMIC_CURRENT_ENV })",
        "import type cloud from 'wx-server-sdk'",
    ] {
        let name = if text.contains("import type") {
            "index.ts"
        } else {
            "index.js"
        };
        let files = [(name, text), ("wx-server-sdk.js", "")];
        assert_eq!(found(&files), (vec![], vec![]), "{text}");
    }
}

#[test]
fn other_files_of_the_function_are_followed() {
    for (index, helper) in [
        (
            "require('./lib').openapi.customerServiceMessage.send()",
            "module.exports = require('wx-server-sdk')",
        ),
        (
            "const { cloud } = require('./lib.js'); cloud.openapi.customerServiceMessage.send()",
            "const cloud = require('wx-server-sdk'); module.exports = { cloud }",
        ),
        (
            "const api = require('./lib'); api.customerServiceMessage.send()",
            "module.exports = require('wx-server-sdk').openapi",
        ),
        (
            "const csm = require('./lib'); csm.send()",
            "module.exports = require('wx-server-sdk').openapi.customerServiceMessage",
        ),
        (
            "const { api } = require('./lib'); api.customerServiceMessage.send()",
            "exports.api = require('wx-server-sdk').openapi",
        ),
        (
            "const { api } = require('./lib'); api().customerServiceMessage.send()",
            "const c = require('wx-server-sdk'); module.exports.api = () => c.openapi",
        ),
        (
            "const cloud = require('wx-server-sdk'); require('./lib')(cloud)",
            "module.exports = cloud => cloud.openapi.customerServiceMessage.send()",
        ),
        (
            "const cloud = require('wx-server-sdk'); require('./lib').go(cloud)",
            "exports.go = function (wx) { wx.openapi.customerServiceMessage.send() }",
        ),
        (
            "const cloud = require('wx-server-sdk'); const A = require('./lib'); new A(cloud)",
            "module.exports = class { constructor(c) { this.c = c } go() { this.c.openapi.customerServiceMessage.send() } }",
        ),
        (
            "import cloud from './lib'; cloud.openapi.customerServiceMessage.send()",
            "import c from 'wx-server-sdk'; export default c",
        ),
        (
            "import { cloud } from './lib'; cloud.openapi.customerServiceMessage.send()",
            "import c from 'wx-server-sdk'; export { c as cloud }",
        ),
        (
            "import { api } from './lib'; api.customerServiceMessage.send()",
            "import c from 'wx-server-sdk'; export const { openapi: api } = c",
        ),
        (
            "import { default as c } from './lib'; c.openapi.customerServiceMessage.send()",
            "export { default } from 'wx-server-sdk'",
        ),
        (
            "import * as lib from './lib'; lib.openapi.customerServiceMessage.send()",
            "export * from './index'; export { openapi } from 'wx-server-sdk'",
        ),
        (
            "import { go } from './lib'; import c from 'wx-server-sdk'; go(c)",
            "export function go(c) { c.openapi.customerServiceMessage.send() }",
        ),
        (
            "const lib = require('./lib')",
            "require('wx-server-sdk').openapi.customerServiceMessage.send()",
        ),
        (
            "const { NAME } = require('./lib'); require('wx-server-sdk').openapi[NAME].send()",
            "module.exports = { NAME: 'customerServiceMessage' }",
        ),
    ] {
        sends(&[("index.js", index), ("lib.js", helper)]);
    }
    sends(&[
        (
            "index.ts",
            "import { cloud } from './a/b.js'; cloud.openapi.customerServiceMessage.send()",
        ),
        ("a/b.ts", "export * from '../c'"),
        (
            "c/index.ts",
            "import cloud = require('wx-server-sdk'); export { cloud }",
        ),
    ]);
    sends(&[
        (
            "index.ts",
            "import cloud from './a'; cloud.openapi.customerServiceMessage.send()",
        ),
        (
            "a.ts",
            "import cloud = require('wx-server-sdk'); export = cloud",
        ),
    ]);
}

#[test]
fn what_cannot_be_followed_is_said() {
    for (body, why) in [
        (
            "cloud.openapi[event.name].send()",
            "the name of the API is made at run time",
        ),
        (
            "cloud.openapi.customerServiceMessage[event.name]()",
            "which API of customerServiceMessage is called is decided at run time",
        ),
        (
            "let name = 'a'; name = b; cloud.openapi[name].send()",
            "the name of the API is made at run time",
        ),
        (
            "cloud.openapi[`${a}Message`].send()",
            "the name of the API is made at run time",
        ),
        (
            "const { [event.name]: csm } = cloud.openapi; csm.send()",
            "the name of the API is made at run time",
        ),
        (
            "[api, method].reduce((o, k) => o[k], cloud.openapi)",
            "openapi is handed to a function that is not followed",
        ),
        (
            "other(cloud)",
            "wx-server-sdk is handed to a function that is not followed",
        ),
        (
            "new Other({ csm: cloud.openapi.customerServiceMessage })",
            "openapi.customerServiceMessage is handed to a function that is not followed",
        ),
        (
            "other(...[cloud.openapi])",
            "openapi is put into a list, where it is not followed",
        ),
        (
            "cloud.callOpenAPI({ api: 'openapi.wxacode.get' })",
            "what is called through callOpenAPI is not read",
        ),
        (
            "global.cloud = cloud",
            "wx-server-sdk is put where it is not followed",
        ),
    ] {
        let text =
            format!("const cloud = require('wx-server-sdk'); exports.main = event => {{ {body} }}");
        assert_eq!(
            found(&[("index.js", &text)]),
            (vec![], vec![why.to_owned()]),
            "{body}"
        );
    }
}

#[test]
fn names_that_may_be_several_are_all_found() {
    let text = "const { openapi } = require('wx-server-sdk');\n\
        openapi[a ? 'wxacode' : 'urllink'].get(); (b ? openapi.img : openapi.ocr).x()";
    let (calls, unclear) = found(&[("index.js", text)]);
    assert_eq!(calls, ["urllink.get", "wxacode.get", "img.x", "ocr.x"]);
    assert!(unclear.is_empty());
}

#[test]
fn circles_end() {
    let text = "const cloud = require('wx-server-sdk'); const a = { b: a.b, ...a }; const f = () => f();\n\
        let x = y, y = x; function g(z) { return g(z) || f() || a.b } g(cloud); g(f()).openapi.x();\n\
        module.exports = { ...require('./index'), cloud }; exports = module.exports = exports;";
    let (calls, _) = found(&[("index.js", text)]);
    assert_eq!(calls, [""; 0]);
}

#[test]
fn places_are_bytes_of_the_file() {
    let text = "const cloud = require('wx-server-sdk') // 云\ncloud.openapi.customerServiceMessage.send({})";
    let uses = uses(&[("index.js", text)]);
    let at = |spot: &Spot| &text[spot.start..spot.end];
    assert_eq!(
        at(&uses.calls[0].1),
        "cloud.openapi.customerServiceMessage.send"
    );
    assert_eq!(at(&uses.sdk.expect("required")), "require('wx-server-sdk')");
}

#[test]
fn what_does_not_parse_is_an_error() {
    for (name, text, at) in [
        ("index.js", "exports.main = () => {", 22),
        ("index.js", "a +* b", 3),
        ("index.js", "const a: string = 1", 6),
        ("index.mjs", "return 1", 0),
    ] {
        let uses = uses(&[(name, text)]);
        assert_eq!(uses.errors.len(), 1, "{text}");
        assert_eq!(uses.errors[0].0.start, at, "{text}: {:?}", uses.errors);
    }
    for (name, text) in [
        ("index.js", "#!/usr/bin/env node\nvar a = 010; return a"),
        ("index.js", "with (a) { b } return <b>{c}</b>"),
        ("index.mjs", "await a"),
        ("index.tsx", "const a: string = <T,>(x: T) => <i>{x}</i>"),
        (
            "index.ts",
            "abstract class A { constructor(private readonly b = <any>c) {} }",
        ),
    ] {
        let uses = uses(&[(name, text)]);
        assert!(uses.errors.is_empty(), "{text}: {:?}", uses.errors);
    }
}

#[test]
fn classes_of_other_files_are_extended() {
    let base = "module.exports = class { constructor() { this.cloud = require('wx-server-sdk') } }";
    let between = "module.exports = class extends require('./base') {}";
    for index in [
        "class A extends require('./base') { f() { this.cloud.openapi.customerServiceMessage.send({}) } }",
        "const Base = require('./between'); class A extends Base { f() { super.cloud.openapi.customerServiceMessage.send({}) } }",
    ] {
        sends(&[
            ("index.js", index),
            ("base.js", base),
            ("between.js", between),
        ]);
    }
    // What a class sets is used by the one that it extends.
    sends(&[
        (
            "index.js",
            "class A extends require('./base') { cloud = require('wx-server-sdk') }",
        ),
        (
            "base.js",
            "module.exports = class { f() { this.cloud.openapi.customerServiceMessage.send({}) } }",
        ),
    ]);
}

#[test]
fn an_alias_for_the_functions_folder_is_followed_or_said() {
    let cloud = "import cloud from 'wx-server-sdk'; export default cloud";
    let index = "import cloud from '@/lib/cloud'; cloud.openapi.customerServiceMessage.send({})";
    sends(&[("index.ts", index), ("lib/cloud.ts", cloud)]);
    sends(&[("src/index.ts", index), ("src/lib/cloud.ts", cloud)]);
    let (calls, unclear) = found(&[("index.ts", index), ("source/lib/cloud.ts", cloud)]);
    assert!(calls.is_empty() && unclear.len() == 1, "{unclear:?}");
    assert_eq!(found(&[("index.ts", index)]).1.len(), 1);
}

#[test]
fn a_file_that_is_not_there_is_said() {
    let (_, unclear) = found(&[(
        "index.js",
        "require('wx-server-sdk'); const cloud = require('./dist/cloud'); const data = require('./data.json')",
    )]);
    assert_eq!(
        unclear,
        ["./dist/cloud is not among the files that are read"]
    );
}

#[test]
fn what_compilers_export_again_is_followed() {
    let lib = "var sdk = require('wx-server-sdk'); Object.defineProperty(exports, 'cloud', { enumerable: true, get: function () { return sdk } })";
    let index = "const { cloud } = require('./lib'); cloud.openapi.customerServiceMessage.send({})";
    sends(&[("index.js", index), ("lib.js", lib)]);
}

#[test]
fn what_is_taken_as_rest_or_deep_in_an_object_is_said() {
    for body in [
        "const go = (...all) => all[0].openapi.customerServiceMessage.send({}); go(cloud)",
        "function go() { arguments[0].openapi.customerServiceMessage.send({}) } go(cloud)",
        "require('a-library').run({ a: { b: { cloud } } })",
    ] {
        let text = format!("const cloud = require('wx-server-sdk');\n{body}");
        let (calls, unclear) = found(&[("index.js", &text)]);
        assert!(calls.is_empty(), "{body}");
        assert_eq!(
            unclear,
            ["wx-server-sdk is handed to a function that is not followed"],
            "{body}"
        );
    }
}

#[test]
fn each_part_of_a_long_chain_is_looked_at_a_few_times_only() {
    let text = format!(
        "const cloud = require('wx-server-sdk'); cloud.openapi.customerServiceMessage.send({{}}){}{}",
        ".then(f)".repeat(5_000),
        "()".repeat(5_000)
    );
    // The stack of a test is too small for it.
    let thread = std::thread::Builder::new().stack_size(crate::check::STACK);
    let checked = thread.spawn(move || sends(&[("index.js", &text)]));
    checked.expect("a thread").join().expect("no panic");
}

#[test]
fn all_exports_of_another_file_or_of_the_sdk_are_followed() {
    let sdk = "exports.cloud = require('wx-server-sdk')";
    let star = "var __exportStar = function (m, exports) { for (var p in m) exports[p] = m[p] }; __exportStar(require('./sdk'), exports)";
    let index = "const { cloud } = require('./lib'); cloud.openapi.customerServiceMessage.send({})";
    sends(&[("index.js", index), ("lib.js", star), ("sdk.js", sdk)]);

    let index = "import { openapi } from './lib.mjs'; openapi.customerServiceMessage.send({})";
    sends(&[
        ("index.mjs", index),
        ("lib.mjs", "export * from 'wx-server-sdk'"),
    ]);

    let bundle = "var __toESM = (mod, target) => (target = {}, copy(define(target, 'default', { value: mod }), mod)); var sdk = __toESM(require('wx-server-sdk')); sdk.default.openapi.customerServiceMessage.send({})";
    sends(&[("index.js", bundle)]);
}
