//! `/v1/rerank`, in the shape that Jina, vLLM and others share: <https://jina.ai/reranker>.

use serde_json::{Value, json};

use super::ask::Ask;
use super::body;
use super::embeddings::vector;
use super::usage::Style;
use super::{Composed, Refusal};

const DIMENSIONS: u64 = 16;

/// Documents in the order of their likeness to the query; the mock's likeness means nothing, but never changes.
pub fn compose(ask: &Ask<'_>) -> Result<Composed, Refusal> {
    let query = ask
        .get("query")
        .ok_or_else(|| Refusal::invalid(Some("query"), "you must provide a `query`"))?;
    let documents = ask.get("documents").and_then(Value::as_array);
    let documents = documents.ok_or_else(|| Refusal::invalid(Some("documents"), "`documents` must be an array"))?;
    let query = vector(query, DIMENSIONS);
    let mut scored: Vec<(usize, f32)> = documents
        .iter()
        .map(|document| likeness(&query, document))
        .enumerate()
        .collect();
    scored.sort_by(|(_, left), (_, right)| right.total_cmp(left));
    let count = ask
        .number("top_n")
        .and_then(|count| usize::try_from(count).ok())
        .unwrap_or(documents.len());
    let with_documents = ask.is_set("return_documents");
    let results: Vec<Value> = scored
        .into_iter()
        .take(count)
        .map(|(index, score)| {
            let document = documents.get(index).filter(|_| with_documents);
            let mut result = json!({"index": index, "relevance_score": score});
            if let (Some(document), Value::Object(members)) = (document, &mut result) {
                let document = if document.is_string() {
                    json!({ "text": document })
                } else {
                    document.clone()
                };
                members.insert("document".to_owned(), document);
            }
            result
        })
        .collect();
    let tokens = ask.tokens(0);
    let body =
        json!({"id": format!("rerank-{:016x}", ask.seed), "model": &*ask.model, "object": "list", "results": results});
    Ok(Composed::json(
        body::with_usage(ask, &body, Style::InputOnly, tokens),
        tokens,
    ))
}

fn likeness(query: &[f32], document: &Value) -> f32 {
    let product: f32 = query
        .iter()
        .zip(vector(document, DIMENSIONS))
        .map(|(left, right)| left * right)
        .sum();
    f32::midpoint(product, 1.0)
}
