//! The closed list of endpoints: it bounds the flow table's keys and the metrics' labels whatever paths callers invent.

/// An inference endpoint below `/v1/`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Endpoint {
    ChatCompletions,
    Completions,
    Embeddings,
    Responses,
    Moderations,
    ImagesGenerations,
    ImagesEdits,
    ImagesVariations,
    AudioSpeech,
    AudioTranscriptions,
    AudioTranslations,
    Rerank,
    Models,
    Model,
    Other,
    /// No path: what is asked for to know with which secrets a key signs.
    Signer,
}

impl Endpoint {
    /// `path` is what follows `/v1/`, without the query.
    pub fn of(path: &str) -> Self {
        match path {
            "chat/completions" => Self::ChatCompletions,
            "completions" => Self::Completions,
            "embeddings" => Self::Embeddings,
            "responses" => Self::Responses,
            "moderations" => Self::Moderations,
            "images/generations" => Self::ImagesGenerations,
            "images/edits" => Self::ImagesEdits,
            "images/variations" => Self::ImagesVariations,
            "audio/speech" => Self::AudioSpeech,
            "audio/transcriptions" => Self::AudioTranscriptions,
            "audio/translations" => Self::AudioTranslations,
            "rerank" => Self::Rerank,
            "models" => Self::Models,
            _ if path.starts_with("models/") => Self::Model,
            _ => Self::Other,
        }
    }

    /// The name that questions, records and metrics carry.
    pub fn name(self) -> &'static str {
        match self {
            Self::ChatCompletions => "chat/completions",
            Self::Completions => "completions",
            Self::Embeddings => "embeddings",
            Self::Responses => "responses",
            Self::Moderations => "moderations",
            Self::ImagesGenerations => "images/generations",
            Self::ImagesEdits => "images/edits",
            Self::ImagesVariations => "images/variations",
            Self::AudioSpeech => "audio/speech",
            Self::AudioTranscriptions => "audio/transcriptions",
            Self::AudioTranslations => "audio/translations",
            Self::Rerank => "rerank",
            Self::Models => "models",
            Self::Model => "models/{id}",
            Self::Other => "other",
            Self::Signer => "signer",
        }
    }

    /// Whether a request without a JSON body makes no sense here.
    pub fn takes_json(self) -> bool {
        matches!(
            self,
            Self::ChatCompletions
                | Self::Completions
                | Self::Embeddings
                | Self::Responses
                | Self::Moderations
                | Self::ImagesGenerations
                | Self::AudioSpeech
                | Self::Rerank
        )
    }

    /// Whether the body is a form with files.
    pub fn takes_form(self) -> bool {
        matches!(
            self,
            Self::ImagesEdits | Self::ImagesVariations | Self::AudioTranscriptions | Self::AudioTranslations
        )
    }

    /// Whether the request must name a model; elsewhere the upstream or the controller has a default.
    pub fn needs_model(self) -> bool {
        matches!(
            self,
            Self::ChatCompletions | Self::Completions | Self::Embeddings | Self::AudioSpeech | Self::Rerank
        )
    }

    /// Whether streamed answers report usage only when `stream_options.include_usage` asks for it.
    pub fn has_stream_options(self) -> bool {
        matches!(self, Self::ChatCompletions | Self::Completions)
    }
}
