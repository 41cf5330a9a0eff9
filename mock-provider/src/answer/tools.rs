//! Whether a tool is called, and with which arguments.

use serde_json::Value;

use super::ask::Ask;
use super::content::last_user_text;
use super::filler::value_for;

/// The tool that is called, and its arguments as JSON text: the one that `tool_choice` names or requires, or else the first
/// whose name the last user message contains.
pub fn wanted(ask: &Ask<'_>) -> Option<(String, String)> {
    let tools: Vec<Tool<'_>> = ask.get("tools")?.as_array()?.iter().filter_map(Tool::read).collect();
    let last_turn_is_a_result = last_role(ask).is_some_and(|role| role == "tool");
    let tool = match ask.get("tool_choice") {
        Some(choice) if choice == "none" => None,
        Some(choice) if choice == "required" => tools.first(),
        Some(Value::Object(choice)) => {
            let name = choice
                .get("function")
                .and_then(|function| function.get("name"))
                .or_else(|| choice.get("name"))?;
            tools.iter().find(|tool| name == tool.name)
        }
        _ if last_turn_is_a_result => None,
        _ => {
            let said = last_user_text(ask);
            tools.iter().find(|tool| said.contains(tool.name))
        }
    }?;
    let arguments = tool
        .parameters
        .map_or_else(|| "{}".to_owned(), |schema| value_for(schema).to_string());
    Some((tool.name.to_owned(), arguments))
}

struct Tool<'a> {
    name: &'a str,
    parameters: Option<&'a Value>,
}

impl<'a> Tool<'a> {
    /// Chat nests a tool in `function`; Responses does not.
    fn read(tool: &'a Value) -> Option<Self> {
        let function = tool.get("function").unwrap_or(tool);
        Some(Self {
            name: function.get("name")?.as_str()?,
            parameters: function.get("parameters"),
        })
    }
}

/// A model that has just been given a result answers with text.
fn last_role<'a>(ask: &'a Ask<'_>) -> Option<&'a str> {
    let turns = ask.get("messages").or_else(|| ask.get("input"))?;
    let last = turns.as_array()?.last()?;
    if last.get("type").is_some_and(|kind| kind == "function_call_output") {
        return Some("tool");
    }
    last.get("role")?.as_str()
}
