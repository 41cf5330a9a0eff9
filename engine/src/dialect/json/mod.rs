//! Reads JSON (RFC 8259) in place, without a tree: the caller looks at the members that it wants and skips the rest,
//! and all of it is checked. No recursion on the depth of the input, no allocation, one pass.

mod cursor;
mod error;
mod skim;
mod text;
mod value;

pub use cursor::Cursor;
pub use error::{Error, ErrorKind};
pub use skim::Skimmer;
pub use text::{Text, push_quoted, quoted};
pub use value::{MAX_DEPTH, Visit};
