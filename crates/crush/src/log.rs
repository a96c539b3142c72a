//! The logarithm that straw2 draws with: 2^44 · log2(u + 1) of a 16-bit `u`, in integers, so that every machine that
//! computes a placement computes the same one.
//!
//! The seven bits below the leading one choose an entry of a first table, by whose reciprocal the rest is divided; what then
//! remains chooses an entry of a second one. Both are computed here, when the crate is compiled.
//!
//! Ceph's tables are not quite what they set out to be, and every cluster in the world places its data by them. The ends of both
//! are off, and most of the second is too large by [`RAISED`]; where it is not, [`OTHERWISE`] tells by how much. These differences
//! were found by comparing what is computed with what Ceph places.

/// What the second table is too large by, from its third entry on.
const RAISED: u64 = 0x1_4770_0000;

/// Entries of the second table that are too large by something else, and by what.
#[rustfmt::skip]
const OTHERWISE: [(usize, u64); 34] = [
    (56, 5_349_423_536), (127, 978_272_901), (134, 3_588_789_669), (181, 4_007_963_589), (184, 5_423_282_367),
    (188, 2_201_924_427), (193, 3_829_329_171), (198, 2_511_158_322), (199, 2_670_353_280), (200, 3_807_665_765), (203, 0),
    (207, 5_045_407_031), (210, 4_635_559_696), (212, 3_670_382_108), (216, 0), (222, 0), (225, 3_209_098_745),
    (227, 1_514_328_394), (228, 2_662_093_655), (229, 561_838_844), (231, 3_537_203_772), (233, 0), (235, 4_861_921_003),
    (236, 5_281_046_906), (237, 0), (238, 0), (239, 0), (240, 2_650_193_885), (241, 4_203_558_265), (243, 0), (244, 0),
    (245, 0), (246, 0), (247, 362_109_528),
];

/// From here on the second table is right again.
const RIGHT_AGAIN: usize = 248;

/// Half of the natural logarithm of a/b, which is between 1 and 2, with 64 bits after the point.
///
/// artanh((a - b) / (a + b)), by its series.
const fn half_ln(a: u128, b: u128) -> u128 {
    let z = ((a - b) << 64) / (a + b);
    let square = (z * z) >> 64;
    let (mut power, mut sum, mut n) = (z, 0, 1);
    while power > 0 {
        sum += power / n;
        power = (power * square) >> 64;
        n += 2;
    }
    sum
}

/// 2^48 · log2(a/b), rounded down.
const fn log2(a: u128, b: u128) -> u64 {
    ((half_ln(a, b) << 48) / half_ln(2, 1)) as u64
}

/// 2^48 / (1 + k/128), rounded up, and 2^48 · log2(1 + k/128).
const COARSE: [(u64, u64); 129] = {
    let mut table = [(0, 0); 129];
    let mut k = 0;
    while k < 129 {
        let reciprocal = (1_u64 << 55).div_ceil(128 + k as u64);
        table[k] = (reciprocal, log2(128 + k as u128, 128));
        k += 1;
    }
    // That it is not 2^48 is Ceph's.
    table[128].1 = 0xffff_0000_0000;
    table
};

/// 2^48 · log2(1 + k/2^15), and what Ceph has added to it.
const FINE: [u64; 256] = {
    let mut table = [0; 256];
    let mut k = 0;
    while k < 256 {
        let raised = if k < 2 || k >= RIGHT_AGAIN { 0 } else { RAISED };
        table[k] = log2((1 << 15) + k as u128, 1 << 15) + raised;
        k += 1;
    }
    let mut n = 0;
    while n < OTHERWISE.len() {
        let (k, by) = OTHERWISE[n];
        table[k] = log2((1 << 15) + k as u128, 1 << 15) + by;
        n += 1;
    }
    table
};

/// 2^44 · log2(u + 1) as Ceph computes it, for `u` of 16 bits.
pub fn log(u: u16) -> i64 {
    let x = u32::from(u) + 1;
    // Up to where the leading one has the value 2^15; 2^16 stays as it is.
    let shift = if x < 1 << 16 { x.leading_zeros() - 16 } else { 0 };
    let x = x << shift;
    let (reciprocal, coarse) = COARSE[(x >> 8) as usize - 128];
    let rest = (u64::from(x) * reciprocal) >> 48;
    let fraction = (coarse + FINE[(rest & 0xff) as usize]) >> 4;
    // Below 2^49.
    ((u64::from(15 - shift) << 44) + fraction) as i64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_the_logarithm_but_for_what_ceph_adds() {
        for u in 0..=u16::MAX {
            let exact = (f64::from(u) + 1.0).log2() * (1_u64 << 44) as f64;
            let found = log(u) as f64;
            // A step of the second table, at most, or what is cut off.
            assert!((found - exact).abs() < 1.5 * (1_u64 << 30) as f64, "{u}: {found} {exact}");
        }
        assert_eq!((log(0), log(1), log(0x7fff)), (0, 1 << 44, 15 << 44));
        // A bit less than 16: Ceph's end of the table.
        assert_eq!(log(0xffff), (16 << 44) - (1 << 28));
    }

    #[test]
    fn the_tables_are_what_they_say() {
        assert_eq!(COARSE[1], (0xfe03_f80f_e040, 0x2df_ca16_dde1));
        assert_eq!(COARSE[64].1, (1.5_f64.log2() * (1_u64 << 48) as f64) as u64);
        assert_eq!((FINE[0], FINE[1], FINE[2], FINE[255]), (0, 0x2_e2a6_0a00, 0x7_0cb6_4ec5, 0x2dc_ed24_f814));
    }
}
