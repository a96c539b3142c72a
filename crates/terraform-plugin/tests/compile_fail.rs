//! What must not compile, and what is said about it.

#[test]
fn refused_by_the_compiler() {
    let cases = trybuild::TestCases::new();
    cases.compile_fail("tests/compile-fail/*.rs");
    cases.pass("tests/compile-pass/*.rs");
}
