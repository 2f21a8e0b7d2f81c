//! The JSON schema of `mainstay.toml`, from the table of keys.

use crate::file::{Key, Kind, Section, keys};
use serde_json::{Map, Value, json};

/// The JSON schema (draft 2020-12) of `mainstay.toml`, for editors.
pub fn schema() -> Value {
    let mut schema = section(&keys::ROOT);
    let head = [("$schema", json!("https://json-schema.org/draft/2020-12/schema")), ("title", json!("mainstay.toml"))];
    if let Value::Object(object) = &mut schema {
        let rest = std::mem::take(object);
        object.extend(head.map(|(key, value)| (key.to_owned(), value)));
        object.extend(rest);
    }
    schema
}

fn section(section: &Section) -> Value {
    let properties: Map<_, _> = section.keys.iter().map(|key| (key.name.to_owned(), property(key))).collect();
    json!({
        "description": plain(section.about),
        "type": "object",
        "properties": properties,
        "additionalProperties": false,
    })
}

fn property(key: &Key) -> Value {
    let mut schema = kind(key.kind);
    if let Value::Object(object) = &mut schema {
        object.insert("description".into(), json!(plain(key.about)));
        if !key.default.is_empty() {
            object.insert("default".into(), default(key));
        }
    }
    schema
}

/// Scalars may always be texts as well, because a text may come from a variable: `"${ATTEMPTS:-20}"`.
fn kind(kind: Kind) -> Value {
    match kind {
        Kind::Text | Kind::Path | Kind::Url => json!({ "type": "string" }),
        Kind::Bool => json!({ "type": ["boolean", "string"] }),
        Kind::Count => json!({ "type": ["integer", "string"], "minimum": 1 }),
        Kind::Whole => json!({ "type": ["integer", "string"], "minimum": 0 }),
        Kind::Factor => json!({ "type": ["number", "string"], "minimum": 1 }),
        Kind::Duration => json!({ "type": ["string", "number"], "examples": ["500ms", "30s", "5m", "1h30m", "7d"] }),
        Kind::Size => json!({ "type": ["string", "integer"], "examples": ["512k", "10MB", "1GB"] }),
        Kind::Share => json!({ "type": ["number", "string"], "exclusiveMinimum": 0 }),
        Kind::Window => json!({ "type": ["string", "integer"], "examples": ["3 of 5", 3] }),
        Kind::Budget => json!({ "type": "string", "examples": ["10 in 10m", "off"] }),
        Kind::Address => json!({ "type": ["string", "integer"], "examples": ["127.0.0.1:8000", ":8000", 8000] }),
        Kind::Signal => json!({ "type": ["string", "integer"], "examples": ["TERM", "INT"] }),
        Kind::Metrics => json!({ "type": ["boolean", "string", "integer"] }),
        Kind::Choice(words) => json!({ "anyOf": [{ "enum": words }, { "type": "string", "pattern": r"\$\{" }] }),
        Kind::Command => json!({ "anyOf": [{ "type": "string" }, texts(1)] }),
        Kind::Texts => texts(0),
        Kind::Places => json!({ "anyOf": [{ "type": "string" }, texts(1)] }),
        Kind::Variables => json!({ "type": "object", "additionalProperties": { "type": "string" } }),
        Kind::Table(keys) => section(keys),
        Kind::Either(keys, _) => json!({ "anyOf": [section(keys), { "type": "string" }] }),
        Kind::List(keys, "") => json!({ "type": "array", "items": section(keys) }),
        Kind::List(keys, _) => {
            json!({ "type": "array", "items": { "anyOf": [section(keys), { "type": "string" }] } })
        }
        Kind::Map(keys) => named(section(keys), "^[a-z][a-z0-9_-]{0,63}$"),
        Kind::Contract(keys) => {
            named(json!({ "anyOf": [section(keys), { "type": "string" }] }), "^[A-Za-z_][A-Za-z0-9_]*$")
        }
    }
}

fn texts(at_least: u32) -> Value {
    json!({ "type": "array", "items": { "type": "string" }, "minItems": at_least })
}

fn named(entry: Value, pattern: &str) -> Value {
    json!({ "type": "object", "propertyNames": { "pattern": pattern }, "additionalProperties": entry })
}

fn default(key: &Key) -> Value {
    match key.kind {
        Kind::Bool | Kind::Metrics => json!(key.default == "true"),
        Kind::Count | Kind::Whole | Kind::Factor => {
            key.default.parse::<u32>().map_or(Value::Null, |number| json!(number))
        }
        _ => json!(key.default),
    }
}

fn plain(markdown: &str) -> String {
    markdown.replace('`', "")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_key_is_in_the_schema_and_no_other_is_allowed() {
        let schema = schema();
        assert_eq!(schema["$schema"], "https://json-schema.org/draft/2020-12/schema");
        assert_eq!(schema["additionalProperties"], false);
        for key in keys::ROOT.keys {
            assert!(schema["properties"][key.name].is_object(), "{}", key.name);
        }
        let service = &schema["properties"]["services"]["additionalProperties"];
        assert_eq!(service["properties"]["start_delay"]["default"], "0s");
        assert_eq!(service["additionalProperties"], false);
        assert_eq!(
            schema["properties"]["databases"]["additionalProperties"]["properties"]["required"]["default"],
            true
        );
    }
}
