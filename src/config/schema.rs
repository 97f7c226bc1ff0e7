//! The JSON Schema (2020-12) of `stackctl.yaml`, from the same tables that the reader goes by.

use serde_json::{Map, Value, json};

use super::keys::{KINDS, Key, SERVICE, STACK, Shape, Table};

/// For editors: what may be written, with descriptions and defaults.
pub fn schema() -> Value {
    let mut schema = table(&STACK);
    schema["$schema"] = json!("https://json-schema.org/draft/2020-12/schema");
    schema["title"] = json!("stackctl.yaml");
    schema["patternProperties"] = json!({ "^x-": {} });
    schema["anyOf"] = json!([{ "required": ["services"] }, { "required": ["compose"] }]);
    schema
}

fn table(table: &Table) -> Value {
    let properties: Map<String, Value> = table
        .keys
        .iter()
        .map(|key| (key.name.to_owned(), property(key)))
        .collect();
    let required: Vec<&str> = table
        .keys
        .iter()
        .filter(|key| key.required)
        .map(|key| key.name)
        .collect();
    let mut schema = json!({
        "type": "object",
        "description": table.about,
        "additionalProperties": false,
        "properties": properties,
    });
    if !required.is_empty() {
        schema["required"] = json!(required);
    }
    if std::ptr::eq(table, &raw const SERVICE) {
        let one: Vec<Value> = KINDS
            .iter()
            .map(|kind| json!({ "required": [kind] }))
            .collect();
        // A service of a compose file has none.
        let none = json!({ "not": { "anyOf": one } });
        schema["oneOf"] = one.iter().cloned().chain([none]).collect();
    }
    schema
}

fn property(key: &Key) -> Value {
    let mut schema = shape(&key.shape);
    schema["description"] = json!(key.about);
    if let Some(default) = key.default {
        schema["default"] = default
            .parse::<u64>()
            .map_or_else(|_| json!(default), |number| json!(number));
    }
    schema
}

fn shape(what: &Shape) -> Value {
    match what {
        Shape::Text {
            pattern: Some(pattern),
            ..
        } => json!({ "type": "string", "pattern": pattern }),
        Shape::Text { pattern: None, .. } => json!({ "type": "string" }),
        Shape::Whole { min, max } => json!({ "type": "integer", "minimum": min, "maximum": max }),
        Shape::Time { .. } => {
            json!({ "type": "string", "pattern": "^(0|[1-9][0-9]*) ?(ms|s|m|min|h)$" })
        }
        Shape::Size { .. } => {
            json!({ "type": "string", "pattern": "^[1-9][0-9]* ?[MmGg](i?[Bb]?)$" })
        }
        Shape::Scalar => json!({ "type": ["string", "number", "boolean"] }),
        Shape::Word(word) => json!({ "const": word }),
        Shape::List(each) => json!({ "type": "array", "items": shape(each) }),
        Shape::Map(keys) => table(keys),
        Shape::Named { pattern, each } => json!({
            "type": "object",
            "propertyNames": { "pattern": pattern },
            "additionalProperties": shape(each),
        }),
        Shape::Any(shapes) => json!({ "anyOf": shapes.iter().map(shape).collect::<Vec<_>>() }),
        Shape::Nothing => json!({ "type": "null" }),
    }
}
