//! Thousands of random keys and texts, converted by us, by `wx-server-sdk` 4.0.2 and by JavaScript.

use std::io::Write as _;
use std::process::{Command, Stdio};

use cloudcall::transport::{MockTransport, json_reply};
use cloudcall::{Cloud, Permissions, openapi};
use proptest::prelude::*;
use proptest::strategy::ValueTree as _;
use proptest::test_runner::{Config, RngSeed, TestRunner};
use serde_json::{Map, Value, json};

use crate::tool::{ended, root, stdout};

const GET: &str = "customerServiceMessage.getTempMedia";
const SEND: &str = "customerServiceMessage.send";

/// What JavaScript leaves as it is in a URL, and we encode: RFC 3986 reserves them.
const ONLY_OURS: [(char, &str); 5] = [
    ('!', "%21"),
    ('\'', "%27"),
    ('(', "%28"),
    (')', "%29"),
    ('*', "%2A"),
];

/// So many values, the same ones in every run.
fn random<T>(count: usize, strategy: &impl Strategy<Value = T>) -> Vec<T> {
    let mut runner = TestRunner::new(Config {
        rng_seed: RngSeed::Fixed(4),
        ..Config::default()
    });
    (0..count)
        .map(|_| strategy.new_tree(&mut runner).expect("a value").current())
        .collect()
}

/// Keys, most of them of the letters that conversion looks at. `__proto__` is none: JavaScript
/// takes it for something else.
fn key() -> impl Strategy<Value = String> {
    prop_oneof![
        "[abABzZ_0é中]{0,6}",
        "[a-z]+([A-Z_][a-z0-9]+){0,3}",
        "\\PC{0,8}"
    ]
    .prop_filter("JavaScript's own", |key| {
        key.to_lowercase().replace('_', "") != "proto"
    })
}

/// Objects in objects and arrays; with so few keys, many become the same.
fn object() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![Just(Value::Null), any::<u32>().prop_map(Value::from)];
    let value = leaf.prop_recursive(3, 24, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            fields(inner),
        ]
    });
    fields(value)
}

fn fields(value: impl Strategy<Value = Value>) -> impl Strategy<Value = Value> {
    let key = prop_oneof!["_?[ab](_?[abAB]){0,2}", key()];
    prop::collection::vec((key, value), 0..6)
        .prop_map(|fields| Value::Object(Map::from_iter(fields)))
}

fn of_node(objects: &[Value], texts: &[String]) -> Value {
    let mut node = Command::new("node")
        .arg(root().join("tests/node/conversions.cjs"))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("node starts");
    let input = json!({"objects": objects, "texts": texts}).to_string();
    let mut stdin = node.stdin.take().expect("a pipe");
    // It reads all before it writes anything.
    stdin.write_all(input.as_bytes()).expect("node reads");
    drop(stdin);
    let output = ended(node);
    assert!(output.status.success(), "node failed");
    serde_json::from_str(&stdout(&output)).expect("JSON")
}

/// The objects as the parameters of a call are sent, and as they come back in its reply.
async fn of_rust(objects: &[Value]) -> (Value, Value) {
    let mock = MockTransport::replies([json_reply(json!({"errcode": 0, "objects": objects}))]);
    let cloud = Cloud::builder()
        .permissions(Permissions::allow([SEND]))
        .transport(mock.clone())
        .build()
        .expect("complete");
    let arguments = json!({"touser": "O", "msgtype": "text", "objects": objects});
    let reply = openapi::call(&cloud, SEND, arguments)
        .await
        .expect("a reply");
    let sent: Value = serde_json::from_slice(mock.requests()[0].body()).expect("JSON");
    let received = reply.get("objects").expect("the field").clone();
    (sent["objects"].clone(), received)
}

/// The texts as media ids in the query.
async fn in_a_query(texts: &[String]) -> Vec<String> {
    let mock = MockTransport::new(|_| Ok(json_reply(json!({}))));
    let cloud = Cloud::builder()
        .permissions(Permissions::allow([GET]))
        .transport(mock.clone())
        .build()
        .expect("complete");
    for text in texts {
        let arguments = json!({"mediaId": text});
        openapi::call(&cloud, GET, arguments)
            .await
            .expect("a reply");
    }
    let queries = mock.requests().into_iter().map(|request| {
        let query = request.uri().query().expect("a query");
        let value = query.strip_prefix("media_id=").expect("one parameter");
        value.to_owned()
    });
    queries.collect()
}

#[tokio::test]
async fn keys_and_queries_are_those_of_the_real_sdk() {
    let mut objects = random(800, &object());
    let keys = random(4000, &key());
    objects.extend(
        keys.into_iter()
            .map(|key| Value::Object(Map::from_iter([(key, Value::Null)]))),
    );
    let texts = random(
        2000,
        &prop_oneof!["[ -~]{1,40}", "\\PC{1,40}", any::<String>()]
            .prop_filter("required", |text| !text.is_empty()),
    );

    let of_node = of_node(&objects, &texts);
    let (snake, camel) = of_rust(&objects).await;
    let changed = |converted: &Value| {
        let converted = converted.as_array().expect("a list");
        assert_eq!(converted.len(), objects.len());
        converted
            .iter()
            .zip(&objects)
            .filter(|(new, old)| new != old)
            .count()
    };
    println!(
        "{} objects, {} changed to snake_case and {} to camelCase, {} texts",
        objects.len(),
        changed(&snake),
        changed(&camel),
        texts.len()
    );
    // Else the comparison would say little.
    assert!(changed(&snake) > 1000 && changed(&camel) > 1000);
    for at in 0..objects.len() {
        assert_eq!(snake[at], of_node["snake"][at], "sent: {}", objects[at]);
        assert_eq!(camel[at], of_node["camel"][at], "received: {}", objects[at]);
    }

    let encoded = in_a_query(&texts).await;
    assert_eq!(encoded.len(), texts.len());
    for (at, ours) in encoded.iter().enumerate() {
        let mut theirs = of_node["encoded"][at].as_str().expect("a text").to_owned();
        for (letter, code) in ONLY_OURS {
            theirs = theirs.replace(letter, code);
        }
        assert_eq!(*ours, theirs, "{:?}", texts[at]);
    }
}
