//! What a run hands out (uuids, secrets, MAC addresses): looks random, yet the same for the same seed.

use sha2::{Digest, Sha256};

/// A source of ids.
#[derive(Debug)]
pub struct Ids {
    seed: u64,
    drawn: u64,
}

impl Ids {
    /// A source that always gives the same sequence for the same seed.
    pub fn new(seed: u64) -> Self {
        Ids { seed, drawn: 0 }
    }

    /// 32 bytes never given before.
    pub fn bytes(&mut self) -> [u8; 32] {
        self.drawn += 1;
        let mut hash = Sha256::new();
        hash.update(self.seed.to_be_bytes());
        hash.update(self.drawn.to_be_bytes());
        hash.finalize().into()
    }

    /// A version 4 UUID, lower case.
    pub fn uuid(&mut self) -> String {
        let bytes = self.bytes();
        let mut first = [0; 16];
        first.copy_from_slice(&bytes[..16]);
        uuid::Builder::from_random_bytes(first).into_uuid().to_string()
    }

    /// A number below `bound` (which must not be 0).
    pub fn below(&mut self, bound: u64) -> u64 {
        let bytes = self.bytes();
        let mut first = [0; 8];
        first.copy_from_slice(&bytes[..8]);
        u64::from_be_bytes(first) % bound
    }

    /// `length` (at most 64) hexadecimal digits, lower case.
    pub fn hex(&mut self, length: usize) -> String {
        let mut text = hex::encode(self.bytes());
        text.truncate(length);
        text
    }
}
