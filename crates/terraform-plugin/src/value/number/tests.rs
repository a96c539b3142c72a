use std::cmp::Ordering;

use proptest::prelude::*;

use super::*;
use crate::value::arbitrary;

fn n(text: &str) -> Number {
    text.parse().unwrap()
}

#[test]
fn canonical_text() {
    for (written, kept) in [
        ("0", "0"),
        ("-0", "0"),
        ("0e99999999999999999999", "0"),
        ("+007", "7"),
        ("1.250", "1.25"),
        (".5", "0.5"),
        ("5.", "5"),
        ("-12.5e3", "-12500"),
        ("125e-4", "0.0125"),
        ("1e3", "1000"),
        ("0.1", "0.1"),
        ("18446744073709551615", "18446744073709551615"),
        ("1E5000", "1e5000"),
        ("-250e-9000", "-25e-8999"),
        ("Infinity", "Infinity"),
        ("-Infinity", "-Infinity"),
    ] {
        assert_eq!(n(written).as_str(), kept, "{written}");
    }
    assert_eq!(n("1e100").as_str(), format!("1{}", "0".repeat(100)));
    assert_eq!(n("1e-100").as_str(), format!("0.{}1", "0".repeat(99)));
}

#[test]
fn what_is_no_number() {
    for text in [
        "",
        "-",
        ".",
        "e5",
        "1e",
        "1e+",
        "0x10",
        "1_000",
        "1,5",
        " 1",
        "1 ",
        "NaN",
        "inf",
        "--1",
        "1e2000000000",
        "1e-99999999999999999999",
    ] {
        assert_eq!(text.parse::<Number>(), Err(NotANumber), "{text:?}");
    }
}

#[test]
fn floats() {
    assert_eq!(Number::from_f64(0.1), Some(n("0.1")));
    assert_eq!(Number::from_f64_exact(0.1), Some(n("0.1000000000000000055511151231257827021181583404541015625")));
    assert_eq!(Number::from_f64_exact(1.5), Some(n("1.5")));
    assert_eq!(Number::from_f64_exact(-0.0), Some(n("0")));
    assert_eq!(Number::from_f64_exact(2_f64.powi(70)), Some(n("1180591620717411303424")));
    assert_eq!(Number::from_f64(f64::NAN), None);
    assert_eq!(Number::from_f64_exact(f64::NAN), None);
    assert_eq!(Number::from_f64(f64::NEG_INFINITY), Some(n("-Infinity")));
    assert_eq!(n("1e5000").as_f64(), f64::INFINITY);
    assert_eq!(n("-1e-5000").as_f64(), 0.0);
}

#[test]
fn whole_numbers() {
    assert_eq!(n("7.0").as_i64(), Some(7));
    assert_eq!(n("7.5").as_i64(), None);
    assert_eq!(n("9223372036854775808").as_i64(), None);
    assert_eq!(n("9223372036854775808").as_u64(), Some(1 << 63));
    assert_eq!(n("-1").as_u64(), None);
    assert_eq!(n("1e30").as_i128(), Some(10_i128.pow(30)));
    for (text, whole) in [("7", true), ("1e9000", true), ("1e-9000", false), ("7.5", false), ("Infinity", false)] {
        assert_eq!(n(text).is_whole(), whole, "{text}");
    }
}

#[test]
fn order() {
    let sorted = [
        "-Infinity",
        "-1e9000",
        "-18446744073709551616",
        "-10.5",
        "-10.25",
        "-1e-9000",
        "0",
        "1e-9000",
        "0.01",
        "0.1",
        "0.11",
        "1",
        "9.99",
        "10",
        "18446744073709551615",
        "18446744073709551616",
        "1e9000",
        "1e9001",
        "Infinity",
    ];
    for (i, a) in sorted.iter().enumerate() {
        for (j, b) in sorted.iter().enumerate() {
            assert_eq!(n(a).cmp(&n(b)), i.cmp(&j), "{a} {b}");
        }
    }
}

/// The naive way: both numbers as digits over the same power of ten, compared as whole numbers.
fn compare_naively(a: &str, b: &str) -> Ordering {
    let split = |text: &str| {
        let (negative, text) = text.strip_prefix('-').map_or((false, text), |rest| (true, rest));
        let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
        (negative, format!("{whole:0>60}{fraction:0<60}"))
    };
    let ((a_negative, a), (b_negative, b)) = (split(a), split(b));
    let zero = "0".repeat(120);
    match (a_negative && a != zero, b_negative && b != zero) {
        (false, false) => a.cmp(&b),
        (true, true) => b.cmp(&a),
        (a_negative, b_negative) => b_negative.cmp(&a_negative),
    }
}

proptest! {
    #[test]
    fn never_panics(text in "[-+]?[0-9.]{0,20}([eE][-+]?[0-9]{0,22})?|.*") {
        if let Ok(number) = text.parse::<Number>() {
            prop_assert_eq!(number.as_str().parse::<Number>(), Ok(number.clone()));
        }
    }

    #[test]
    fn compares_as_the_naive_way(
        a in "-?[0-9]{1,50}(\\.[0-9]{1,50})?",
        b in "-?[0-9]{1,50}(\\.[0-9]{1,50})?",
        short in "-?[0-2]{1,2}(\\.[0-2]{1,2})?",
        other in "-?[0-2]{1,2}(\\.[0-2]{1,2})?",
    ) {
        prop_assert_eq!(n(&a).cmp(&n(&b)), compare_naively(&a, &b));
        prop_assert_eq!(n(&short).cmp(&n(&other)), compare_naively(&short, &other));
        prop_assert_eq!(n(&short) == n(&other), compare_naively(&short, &other).is_eq());
    }

    #[test]
    fn a_shifted_point_is_an_exponent(digits in "[0-9]{1,40}", fraction in "[0-9]{1,40}", up in 0_usize..60) {
        let shifted = format!("{digits}{fraction}{}", "0".repeat(up));
        let exponent = fraction.len() + up;
        prop_assert_eq!(n(&format!("{digits}.{fraction}e{exponent}")), n(&shifted));
        prop_assert_eq!(n(&format!("{shifted}e-{exponent}")), n(&format!("{digits}.{fraction}")));
    }

    #[test]
    fn floats_come_back(float in any::<f64>().prop_filter("NaN", |f| !f.is_nan())) {
        prop_assert_eq!(Number::from_f64(float).unwrap().as_f64(), float);
        prop_assert_eq!(Number::from_f64_exact(float).unwrap().as_f64(), float);
    }

    #[test]
    fn equal_means_same_text(a in arbitrary::number(), b in arbitrary::number()) {
        prop_assert_eq!(a.cmp(&b).is_eq(), a.as_str() == b.as_str());
        prop_assert_eq!(a.cmp(&b), b.cmp(&a).reverse());
    }
}
