//! Values that fit a JSON schema: arguments of tool calls, and answers of the type that `response_format` asks for.

use serde_json::{Map, Value, json};

use super::ask::Ask;

/// A schema that refers to itself would be filled for ever.
const DEPTH: usize = 16;

/// The JSON text that a structured answer consists of; None where the caller takes any text.
pub fn structured_answer(ask: &Ask<'_>) -> Option<String> {
    let format = ask.get("response_format").or_else(|| ask.get("text")?.get("format"))?;
    let schema = match format.get("type")?.as_str()? {
        "json_object" => json!({"type": "object", "properties": {"answer": {"type": "string"}}}),
        // Chat nests the schema one deeper than Responses does.
        "json_schema" => format.get("json_schema").unwrap_or(format).get("schema")?.clone(),
        _ => return None,
    };
    Some(value_for(&schema).to_string())
}

/// A value that fits `schema`, always the same one.
pub fn value_for(schema: &Value) -> Value {
    fill(schema, DEPTH)
}

fn fill(schema: &Value, depth: usize) -> Value {
    if depth == 0 {
        return Value::Null;
    }
    if let Some(value) = schema
        .get("const")
        .or_else(|| schema.get("enum")?.get(0))
        .or_else(|| schema.get("default"))
    {
        return value.clone();
    }
    if let Some(first) = ["anyOf", "oneOf"].iter().find_map(|name| schema.get(*name)?.get(0)) {
        return fill(first, depth - 1);
    }
    let kind = schema.get("type").map(|kind| kind.get(0).unwrap_or(kind));
    match kind.and_then(Value::as_str) {
        Some("string") => Value::from("example"),
        Some("integer" | "number") => schema.get("minimum").cloned().unwrap_or_else(|| Value::from(1)),
        Some("boolean") => Value::Bool(true),
        Some("array") => schema
            .get("items")
            .map_or_else(|| json!([]), |items| json!([fill(items, depth - 1)])),
        Some("null") => Value::Null,
        _ => object(schema, depth),
    }
}

fn object(schema: &Value, depth: usize) -> Value {
    let properties = schema.get("properties").and_then(Value::as_object);
    let members = properties
        .into_iter()
        .flatten()
        .map(|(name, schema)| (name.clone(), fill(schema, depth - 1)));
    Value::Object(members.collect::<Map<_, _>>())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_fit() {
        let schema = json!({"type": "object", "properties": {
            "city": {"type": "string"}, "days": {"type": "integer"}, "unit": {"enum": ["c", "f"]},
            "tags": {"type": "array", "items": {"type": ["string", "null"]}}, "deep": {"anyOf": [{"type": "boolean"}]},
        }});
        let expected = json!({"city": "example", "days": 1, "unit": "c", "tags": ["example"], "deep": true});
        assert_eq!(value_for(&schema), expected);
    }
}
