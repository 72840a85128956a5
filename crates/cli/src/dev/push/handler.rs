//! Which function a message goes to.
//!
//! On the platform that is set in the console, and a type goes to one function. Here a function's
//! `config.json` says it: `"messagePush": ["image", "user_enter_tempsession"]`.

use jsonc_parser::JsonValue;

use crate::runner::jsonc;

/// A function, and the types of messages and events that its `config.json` claims.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Claims {
    pub(super) function: String,
    pub(super) types: Result<Vec<String>, Unclear>,
}

/// Why nobody can tell what a `config.json` claims.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(super) enum Unclear {
    #[error("config.json is not JSON")]
    NotJson,
    #[error("\"messagePush\" is no list of texts")]
    NoList,
}

/// Why no function gets the message.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct NoHandler {
    pub(super) message: String,
    pub(super) hint: String,
}

/// The types in the text of a `config.json`.
pub(super) fn types(config: &str) -> Result<Vec<String>, Unclear> {
    let Ok(Some(JsonValue::Object(root))) = jsonc::parse(config) else {
        return Err(Unclear::NotJson);
    };
    let list = match root.get("messagePush") {
        None => return Ok(Vec::new()),
        Some(JsonValue::Array(list)) => list,
        Some(_) => return Err(Unclear::NoList),
    };
    list.iter()
        .map(|value| match value {
            JsonValue::String(text) => Ok(text.to_string()),
            _ => Err(Unclear::NoList),
        })
        .collect()
}

/// The function that is named, or that claims the type, or that is the only one.
pub(super) fn choose<'a>(
    all: &'a [Claims],
    named: Option<&str>,
    kind: &str,
) -> Result<&'a str, NoHandler> {
    let list = |some: &[&Claims], word: &str| {
        let names: Vec<_> = some.iter().map(|it| it.function.as_str()).collect();
        names.join(word)
    };
    let everyone: Vec<_> = all.iter().collect();
    let there_are = match all {
        [] => "there is none".to_owned(),
        _ => format!("there are {}", list(&everyone, ", ")),
    };
    let unclear: String = all
        .iter()
        .filter_map(|it| {
            Some(format!(
                "; of {}, {}",
                it.function,
                it.types.as_ref().err()?
            ))
        })
        .collect();
    if let Some(named) = named {
        let found = all.iter().find(|it| it.function == named);
        return found
            .map(|it| it.function.as_str())
            .ok_or_else(|| NoHandler {
                message: format!("there is no function {named:?}: {there_are}"),
                hint: "name one of them, or none if its config.json has \"messagePush\"".into(),
            });
    }
    let claims = |it: &&&Claims| it.types.iter().flatten().any(|claimed| claimed == kind);
    let claiming: Vec<_> = everyone.iter().filter(claims).copied().collect();
    match (&claiming[..], all) {
        ([one], _) => Ok(&one.function),
        ([], [one]) => Ok(&one.function),
        ([], []) => Err(NoHandler {
            message: "there is no function".into(),
            hint: "add one: a folder with an index.js, a package.json or a Cargo.toml".into(),
        }),
        ([], _) => Err(NoHandler {
            message: format!("no function takes messages of the type {kind}: {there_are}{unclear}"),
            hint: format!(
                "add \"messagePush\": [\"{kind}\"] to a function's config.json, or name the function with --function"
            ),
        }),
        (several, _) => Err(NoHandler {
            message: format!(
                "{} take messages of the type {kind}, but WeChat pushes a type to one function",
                list(several, " and ")
            ),
            hint: "leave it in the \"messagePush\" of one of them, or name one with --function"
                .into(),
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn claims(all: &[(&str, &[&str])]) -> Vec<Claims> {
        all.iter()
            .map(|(function, types)| Claims {
                function: (*function).into(),
                types: Ok(types.iter().map(|it| (*it).to_owned()).collect()),
            })
            .collect()
    }

    #[test]
    fn the_function_is_named_or_claims_the_type_or_is_alone() {
        let two = claims(&[("a", &["text"]), ("b", &["image", "text"])]);
        assert_eq!(choose(&two, None, "image"), Ok("b"));
        assert_eq!(choose(&two, Some("a"), "image"), Ok("a"));
        assert_eq!(choose(&two[..1], None, "image"), Ok("a"));
        let said = |named, kind| choose(&two, named, kind).expect_err("nobody").message;
        assert_eq!(
            said(None, "text"),
            "a and b take messages of the type text, but WeChat pushes a type to one function"
        );
        assert_eq!(
            said(None, "miniprogrampage"),
            "no function takes messages of the type miniprogrampage: there are a, b"
        );
        assert_eq!(
            said(Some("c"), "text"),
            "there is no function \"c\": there are a, b"
        );
        let none = choose(&[], None, "text").expect_err("nobody").message;
        assert_eq!(none, "there is no function");
    }

    #[test]
    fn a_claim_that_cannot_be_read_is_said() {
        let mut two = claims(&[("a", &["text"]), ("b", &[])]);
        two[1].types = Err(Unclear::NoList);
        assert_eq!(choose(&two, None, "text"), Ok("a"));
        assert_eq!(
            choose(&two, None, "image").expect_err("nobody").message,
            "no function takes messages of the type image: there are a, b; of b, \"messagePush\" is no list of texts"
        );
    }

    #[test]
    fn types_are_read_leniently() {
        let text = "{ /* ours */ \"messagePush\": [\"image\", \"text\",] }";
        assert_eq!(types(text), Ok(vec!["image".into(), "text".into()]));
        assert_eq!(types("{}"), Ok(Vec::new()));
        for text in ["", "{", "[]"] {
            assert_eq!(types(text), Err(Unclear::NotJson), "{text}");
        }
        for text in [
            r#"{"messagePush":"image"}"#,
            r#"{"messagePush":["image",1]}"#,
        ] {
            assert_eq!(types(text), Err(Unclear::NoList), "{text}");
        }
    }
}
