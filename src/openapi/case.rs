//! camelCase to snake_case and back, as `wx-server-sdk` converts the keys of a Cloud Call.

use serde_json::{Map, Value};

/// `mediaId` → `media_id`: an underscore goes before each ASCII capital but a leading one.
pub(crate) fn snake(name: &str) -> String {
    let mut snake = String::with_capacity(name.len() + 4);
    snake.extend(in_snake(name));
    snake
}

/// The letters of [`snake`].
pub(crate) fn in_snake(name: &str) -> impl Iterator<Item = char> {
    name.char_indices().flat_map(|(at, letter)| {
        let underscore = (letter.is_ascii_uppercase() && at > 0).then_some('_');
        underscore.into_iter().chain([letter.to_ascii_lowercase()])
    })
}

/// `media_id` → `mediaId`: an underscore and the ASCII lower-case letter after it become the
/// capital. Other underscores stay.
pub(crate) fn camel(name: &str) -> String {
    let mut camel = String::with_capacity(name.len());
    let mut letters = name.chars().peekable();
    while let Some(letter) = letters.next() {
        match letters.peek() {
            Some(next) if letter == '_' && next.is_ascii_lowercase() => {
                camel.push(next.to_ascii_uppercase());
                letters.next();
            }
            _ => camel.push(letter),
        }
    }
    camel
}

/// Converts every key, in nested objects and arrays too.
pub(crate) fn convert(value: Value, key: fn(&str) -> String) -> Value {
    match value {
        Value::Object(fields) => Value::Object(convert_keys(fields, key)),
        Value::Array(items) => items.into_iter().map(|item| convert(item, key)).collect(),
        plain => plain,
    }
}

/// Converts every key of an object. Where two keys become one, the converted one wins over the
/// one that was right already, and the later of two converted ones over the earlier.
pub(crate) fn convert_keys(
    fields: Map<String, Value>,
    key: fn(&str) -> String,
) -> Map<String, Value> {
    rename(fields, key)
        .into_iter()
        .map(|(name, value)| (name, convert(value, key)))
        .collect()
}

/// The same for the object's own keys only: the values stay as they are.
pub(crate) fn rename(fields: Map<String, Value>, key: fn(&str) -> String) -> Map<String, Value> {
    let mut renamed = Map::with_capacity(fields.len());
    for (name, value) in fields {
        let new = key(&name);
        // No two names are the same, so one that is right already can only meet a converted one.
        if new != name || !renamed.contains_key(&new) {
            renamed.insert(new, value);
        }
    }
    renamed
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn names_convert_as_in_the_sdk() {
        for (from, to) in [
            ("mediaId", "media_id"),
            ("MediaId", "media_id"),
            ("URL", "u_r_l"),
            ("already_snake", "already_snake"),
            ("a1B", "a1_b"),
            ("键Id", "键_id"),
            ("É", "É"),
            ("", ""),
        ] {
            assert_eq!(snake(from), to, "{from}");
        }
        for (from, to) in [
            ("video_url", "videoUrl"),
            ("_id", "Id"),
            ("a__b", "a_B"),
            ("a_1", "a_1"),
            ("a_B", "a_B"),
            ("tail_", "tail_"),
            ("x_é", "x_é"),
            ("errcode", "errcode"),
        ] {
            assert_eq!(camel(from), to, "{from}");
        }
    }

    #[test]
    fn keys_convert_at_every_depth_and_values_stay() {
        let reply = json!({"a_b": [{"c_d": "e_f"}, [{"g_h": null}], "i_j"], "k": {"l_m": 1}});
        assert_eq!(
            convert(reply, camel),
            json!({"aB": [{"cD": "e_f"}, [{"gH": null}], "i_j"], "k": {"lM": 1}})
        );
    }

    #[test]
    fn the_converted_key_wins_whatever_the_order() {
        for fields in [json!({"a_b": 1, "aB": 2}), json!({"aB": 2, "a_b": 1})] {
            assert_eq!(convert(fields, camel), json!({"aB": 1}));
        }
    }
}
