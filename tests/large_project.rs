//! A generated project of any size, for tests and measurements of `cloudcall check`.

use std::fs;
use std::io;
use std::path::Path;

/// What every function calls; the code names each in another form.
const APIS: [&str; 4] = [
    "customerServiceMessage.getTempMedia",
    "customerServiceMessage.send",
    "wxacode.getUnlimited",
    "security.msgSecCheck",
];

/// Writes a project into a folder: `functions/f000` and so on, each of a few files, with a
/// `node_modules` that is not to be read. Nothing is wrong with any of them.
pub(crate) fn write(root: &Path, functions: usize) -> io::Result<()> {
    for number in 0..functions {
        let folder = root.join(format!("functions/f{number:03}"));
        let sdk = folder.join("node_modules/wx-server-sdk");
        fs::create_dir_all(folder.join("lib"))?;
        fs::create_dir_all(&sdk)?;
        fs::write(folder.join("index.js"), index(number))?;
        fs::write(folder.join("lib/messages.js"), messages())?;
        fs::write(folder.join("lib/data.js"), data(number))?;
        fs::write(
            folder.join("package.json"),
            r#"{ "dependencies": { "wx-server-sdk": "~2.6.3" } }"#,
        )?;
        let apis = APIS.map(|api| format!("      \"{api}\"")).join(",\n");
        let config =
            format!("{{\n  \"permissions\": {{\n    \"openapi\": [\n{apis}\n    ]\n  }}\n}}\n");
        fs::write(folder.join("config.json"), config)?;
        fs::write(sdk.join("package.json"), r#"{ "version": "2.6.3" }"#)?;
        // Reading this would be noticed.
        fs::write(sdk.join("index.js"), "this is no JavaScript")?;
    }
    Ok(())
}

fn index(number: usize) -> String {
    format!(
        "const cloud = require('wx-server-sdk')\n\
         const {{ security }} = cloud.openapi\n\
         const messages = require('./lib/messages')\n\
         const data = require('./lib/data')\n\n\
         cloud.init({{ env: cloud.DYNAMIC_CURRENT_ENV }})\n\n\
         // cloud.openapi.urllink.generate is not called in f{number:03}\n\
         exports.main = async (event, context) => {{\n\
         \x20 const {{ OPENID }} = cloud.getWXContext()\n\
         \x20 await security.msgSecCheck({{ content: event.text }})\n\
         \x20 const code = await cloud.openapi({{ convertCase: true }}).wxacode['getUnlimited']({{ scene: OPENID }})\n\
         \x20 return messages.answer(OPENID, data.find(event.id), code)\n\
         }}\n"
    )
}

fn messages() -> &'static str {
    "const { openapi } = require('wx-server-sdk')\n\n\
     exports.answer = async (touser, entry, code) => {\n\
     \x20 const media = await openapi.customerServiceMessage.getTempMedia({ mediaId: entry.mediaId })\n\
     \x20 return openapi.customerServiceMessage.send({ touser, media, code })\n\
     }\n"
}

/// Some hundred lines, as real functions have.
fn data(number: usize) -> String {
    let mut text = String::from("const entries = [\n");
    for entry in 0..200 {
        text += &format!(
            "  {{ id: {entry}, mediaId: 'media-{number}-{entry}', title: `条目 ${{1 + {entry}}}` }},\n"
        );
    }
    text + "]\n\nexports.find = (id) => entries.find((entry) => entry.id === id)\n"
}
