//! CRUSH's hash: Robert Jenkins' 32-bit mix (public domain) with the constants that Ceph calls `rjenkins1`.

const SEED: u32 = 1_315_423_911;
const X: u32 = 231_232;
const Y: u32 = 1_232;

fn mix(a: &mut u32, b: &mut u32, c: &mut u32) {
    for (shift_a, shift_b, shift_c) in [(13, 8, 13), (12, 16, 5), (3, 10, 15)] {
        *a = a.wrapping_sub(*b).wrapping_sub(*c) ^ (*c >> shift_a);
        *b = b.wrapping_sub(*c).wrapping_sub(*a) ^ (*a << shift_b);
        *c = c.wrapping_sub(*a).wrapping_sub(*b) ^ (*b >> shift_c);
    }
}

/// Hash of two values.
pub fn hash2(mut a: u32, mut b: u32) -> u32 {
    let mut hash = SEED ^ a ^ b;
    let (mut x, mut y) = (X, Y);
    mix(&mut a, &mut b, &mut hash);
    mix(&mut x, &mut a, &mut hash);
    mix(&mut b, &mut y, &mut hash);
    hash
}

/// Hash of three values.
pub fn hash3(mut a: u32, mut b: u32, mut c: u32) -> u32 {
    let mut hash = SEED ^ a ^ b ^ c;
    let (mut x, mut y) = (X, Y);
    mix(&mut a, &mut b, &mut hash);
    mix(&mut c, &mut x, &mut hash);
    mix(&mut y, &mut a, &mut hash);
    mix(&mut b, &mut x, &mut hash);
    mix(&mut y, &mut c, &mut hash);
    hash
}
