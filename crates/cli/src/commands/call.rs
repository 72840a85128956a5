//! `cloudcall call`: one Cloud Call without a function.

use cloudcall::openapi::{self, Reply};
use cloudcall::{Error, Permissions};
use serde_json::{Map, Value};

use super::output_file::OutputFile;
use super::{Context, config, print, read_json};
use crate::cli::CallArgs;
use crate::failure::Failure;
use crate::json;
use crate::printer::Printer;
use crate::runner::Way;
use crate::target::Target;

pub(super) async fn run(args: CallArgs, context: Context) -> Result<(), Failure> {
    let output = args.output.map(OutputFile::check).transpose()?;
    let target = Target::choose(&args.target, &context.env, &context.root)?;
    let pairs = pairs(&args.parameters)?;
    let permissions = Permissions::load(config(args.config, &context.env, &context.root)?);
    let data = read_json("--data", args.data).await?;
    let arguments = merge(&data, pairs)?;

    for warning in permissions.warnings() {
        context.printer.warning(warning);
    }
    let way = Way::open(target, None, context.printer)?;
    // In this order: what is recorded has the time limits of a connection, too.
    let way = way.connected().await?;
    let way = way.recorded(args.target.record, context.printer)?;
    let cloud = way
        .cloud(permissions)
        .map_err(|error| Failure::usage(error.err_msg()))?;
    let reply = openapi::call(&cloud, &args.api, Value::Object(arguments)).await;
    report(&reply.map_err(failed)?, output.as_ref(), context.printer)
}

/// The parameters of the command line: texts.
fn pairs(parameters: &[String]) -> Result<Map<String, Value>, Failure> {
    let mut pairs = Map::new();
    for parameter in parameters {
        let (key, value) = match parameter.split_once('=') {
            Some((key, value)) if !key.is_empty() => (key, value),
            _ => {
                return Err(
                    Failure::usage(format_args!("{parameter:?} is not KEY=VALUE"))
                        .hint("write it like mediaId=sample; what is not a text goes into --data"),
                );
            }
        };
        if pairs.insert(key.into(), value.into()).is_some() {
            return Err(Failure::usage(format_args!(
                "the parameter {key:?} is given more than once"
            ))
            .hint("leave one of them; a list goes into --data"));
        }
    }
    Ok(pairs)
}

/// All parameters: those of the command line come before those of `--data`.
fn merge(data: &str, pairs: Map<String, Value>) -> Result<Map<String, Value>, Failure> {
    let not_an_object = |found: &str| {
        Failure::usage(format_args!("--data must be a JSON object, not {found}"))
            .hint("name each parameter: --data '{\"mediaId\":\"sample\"}'")
    };
    match serde_json::from_str(data) {
        Ok(Value::Object(mut arguments)) => {
            arguments.extend(pairs);
            Ok(arguments)
        }
        Ok(other) => Err(not_an_object(json::kind(&other))),
        Err(error) => Err(not_an_object(&error.to_string())),
    }
}

fn failed(error: Error) -> Failure {
    let failure = Failure::failed(to_json(&error), &error);
    let hint = match error.hint() {
        Some(hint) => hint,
        None if error.is_timeout() => "try again; WeChat may have acted all the same",
        None if error.is_wechat() => {
            "look errCode up on the API's page: https://developers.weixin.qq.com/miniprogram/dev/"
        }
        None => "see errMsg; cloudcall call --help has examples",
    };
    failure.hint(hint)
}

fn report(reply: &Reply, output: Option<&OutputFile>, printer: Printer) -> Result<(), Failure> {
    let Some(output) = output else {
        return print(printer, &to_json(reply));
    };
    let Some((content_type, buffer)) = reply.media() else {
        return Err(output.not_written(to_json(reply), "the reply has no buffer"));
    };
    let written = output.write(buffer)?;
    let document = serde_json::json!({
        "errCode": reply.err_code(),
        "errMsg": reply.err_msg(),
        "contentType": content_type,
        "buffer": written,
    });
    print(printer, &document.to_string())
}

fn to_json(value: &impl serde::Serialize) -> String {
    serde_json::to_string(value).expect("replies and errors have texts as keys")
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn given(parameters: &[&str], data: &str) -> Option<Value> {
        let parameters: Vec<_> = parameters.iter().map(ToString::to_string).collect();
        let pairs = pairs(&parameters).ok()?;
        merge(data, pairs).ok().map(Value::Object)
    }

    #[test]
    fn pairs_come_before_data() {
        assert_eq!(
            given(&["a=1", "b=x=y", "c="], r#"{"a":{},"d":2}"#),
            Some(json!({"a": "1", "b": "x=y", "c": "", "d": 2}))
        );
    }

    #[test]
    fn malformed_and_repeated_parameters_are_refused() {
        assert_eq!(given(&["a"], "{}"), None);
        assert_eq!(given(&["=a"], "{}"), None);
        assert_eq!(given(&["a=1", "a=2"], "{}"), None);
        assert_eq!(given(&[], "[]"), None);
    }
}
