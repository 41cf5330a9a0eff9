//! What is to be passed on, in order.

use std::collections::VecDeque;

use bytes::Bytes;

#[derive(Debug, Default)]
pub struct Out {
    queue: VecDeque<Bytes>,
}

impl Out {
    pub fn push(&mut self, bytes: Bytes) {
        if !bytes.is_empty() {
            self.queue.push_back(bytes);
        }
    }

    pub fn pop(&mut self) -> Option<Bytes> {
        self.queue.pop_front()
    }

    pub fn is_empty(&self) -> bool {
        self.queue.is_empty()
    }
}
