//! The data plane of Headworks.
