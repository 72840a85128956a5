//! The timers of functions under `cloudcall dev`.

use serde_json::{Value, json};

use crate::dev_server::{Dev, write};
use crate::push::{CONFIG, entries};

const TIMED: &str = "
const cloud = require('wx-server-sdk')
cloud.init()
exports.main = async ({ Type, TriggerName, Time, Message }) => {
  const { SOURCE, OPENID } = cloud.getWXContext()
  const second = Time.slice(0, 19) + 'Z' === Time && Math.abs(Date.now() - Date.parse(Time)) < 60000
  const seen = [Type, TriggerName, Message, SOURCE, OPENID, second].join()
  if (seen !== 'Timer,tick,,wx_trigger,,true') throw new Error(seen)
}";

#[test]
fn timers_fire_with_the_flag_and_only_then() {
    let project = crate::node_functions::project("f", &[("index.js", TIMED)]);
    let timer = |cron: &str| {
        let timer = json!([{"name": "tick", "type": "timer", "config": cron}]);
        json!({"timeout": 60, "triggers": timer}).to_string()
    };
    write(project.path(), CONFIG, &timer("* * * * * * *"));
    let timed = |dev: &Dev| -> Vec<Value> {
        let mut all = entries(dev, "invocation");
        all.retain(|it| it["source"] == "timer");
        all
    };
    let mut shown = Dev::start(project.path(), &["--openid", "o1"]);
    let line = shown.says("timer tick");
    assert!(
        line.contains("next: ") && line.contains("(UTC+8), in 1 s (not fired without --triggers)"),
        "{line}"
    );
    let mut dev = Dev::start(project.path(), &["--triggers", "--openid", "o1"]);
    let line = dev.says("timer tick");
    assert!(!line.contains("--triggers"), "{line}");
    dev.comes_to(&true, |dev| timed(dev).len() >= 2);
    for invocation in timed(&dev) {
        assert_eq!(invocation["outcome"], "ok", "{invocation}");
        assert_eq!(invocation["caller"]["openId"], Value::Null, "{invocation}");
    }

    // An edit holds.
    write(project.path(), CONFIG, &timer("0 0 0 1 1 * 2099"));
    dev.says("next: 2099-01-01 00:00:00 (UTC+8)");
    write(
        project.path(),
        CONFIG,
        r#"{"triggers": [{"type": "timer", "name": "tick"}]}"#,
    );
    dev.says("f: the trigger's \"config\" must be a cron expression; it has no timer");
    write(project.path(), CONFIG, "{}");
    shown.says("no timer any more");
    assert_eq!(timed(&shown), [Value::Null; 0]);
}
