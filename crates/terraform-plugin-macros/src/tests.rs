//! What the derives say about a struct that contradicts itself. Each wrong one is made of a right one by changing one
//! place in it, so that nothing else can be what is refused.

use proc_macro2::TokenStream;
use syn::{DeriveInput, Result, parse_str};

use crate::object::Role;
use crate::{choice, object};

const MODEL: &str = r#"
    #[model(name = "pool", area = "Tests", key(name))]
    struct Pool {
        #[attr(required)]
        name: String,
        #[attr(keep)]
        size: Option<i64>,
        #[attr(ready)]
        ready: bool,
        #[attr(timeouts(create = "1h30m"))]
        timeouts: Timeouts,
    }
"#;

const NESTED: &str = "
    struct Disk {
        #[attr(required)]
        size: i64,
    }
";

const CHOICE: &str = "
    enum Bus {
        Scsi,
        #[choice(word = \"virtio\")]
        Virtio,
    }
";

fn model(input: &DeriveInput) -> Result<TokenStream> {
    object::expand(input, Role::Model)
}

fn nested(input: &DeriveInput) -> Result<TokenStream> {
    object::expand(input, Role::Nested)
}

fn provider(input: &DeriveInput) -> Result<TokenStream> {
    object::expand(input, Role::Provider)
}

/// What is said when `right` stands there as `wrong`. With `right` nothing is said.
fn said(derive: fn(&DeriveInput) -> Result<TokenStream>, text: &str, right: &str, wrong: &str) -> String {
    let expand = |text: &str| derive(&parse_str::<DeriveInput>(text).unwrap()).map(drop);
    expand(text).unwrap();
    assert_eq!(text.matches(right).count(), 1, "{right}");
    expand(&text.replace(right, wrong)).expect_err(wrong).to_string()
}

#[test]
fn a_model_says_who_it_is() {
    let said = |right, wrong| said(model, MODEL, right, wrong);
    for what in ["name", "area"] {
        let right = if what == "name" { r#"name = "pool", "# } else { r#"area = "Tests", "# };
        assert_eq!(said(right, ""), format!(r#"write #[model(name = "...", area = "...")]: {what} is missing"#));
    }
    assert_eq!(said("key(name)", "key(id)"), "no such field in the struct");
    assert_eq!(said("key(name)", "conflicts(name, id)"), "no such field in the struct");
    assert_eq!(said("key(name)", "conflicts(name)"), "name at least two attributes");
    assert_eq!(said("key(name)", "key(name), rest = size"), "no such field in the key");
    let options = "unknown option; there are name, area, key, rest, version, deprecated, conflicts, requires, exactly_one, \
                   at_least_one";
    assert_eq!(said("key(name)", "id(name)"), options);
    assert_eq!(said("Pool {", "Pool<T> {"), "a model has no type parameters");
}

#[test]
fn what_a_rule_leaves_open_is_an_option_and_what_it_fixes_is_not() {
    let said = |rule: &str, ty: &str| {
        let right = "#[attr(required)]\n        size: i64";
        said(nested, NESTED, right, &format!("#[attr({rule})] size: {ty}"))
    };
    for rule in ["keep", "optional"] {
        let expected =
            format!("attribute `size`: with `{rule}` it may be unset: write `Option<i64>` in place of `i64`");
        assert_eq!(said(rule, "i64"), expected);
    }
    for rule in ["required", "default = 3"] {
        let expected = "attribute `size`: with `required` or `default` it is always set: write `i64` in place of \
                        `Option<i64>`";
        assert_eq!(said(rule, "Option<i64>"), expected);
    }
}

#[test]
fn an_attribute_has_exactly_one_rule() {
    let said = |wrong| said(nested, NESTED, "required", wrong);
    assert_eq!(said("required, keep"), "attribute `size` has 2 rules, `required` and `keep`: keep exactly one");
    let none = "attribute `size` has no rule: write #[attr(...)] with one of `required`, `optional`, `keep`, `computed`, \
                `default = ...`, `local`";
    assert_eq!(said("replace"), none);
    let unknown = "unknown option; rules: required, optional, keep, computed, default; flags: local, replace, sensitive, \
                   write_only, deprecated; same; the API's view: api, repeated, usual, rouses; checks: range, length, regex, says, \
                   one_of, check, each; ready; timeouts; flatten";
    assert_eq!(said("mandatory"), unknown);
    assert_eq!(said("required, says = \"a\""), "attribute `size`: `says` explains a `regex`, and there is none");
    let usual = "attribute `size`: `usual` is what holds when it is left alone: write `keep`";
    assert_eq!(said("required, usual = 1"), usual);
    assert_eq!(said("required, repeated"), "attribute `size`: `repeated` is for lists and sets");
    let rouses = "attribute `size`: `rouses` is for `local` attributes: a change of any other calls an update anyway";
    assert_eq!(said("required, rouses"), rouses);
}

#[test]
fn what_is_never_stored_may_be_unset() {
    let said = |right, wrong| said(model, MODEL, right, wrong);
    assert_eq!(said("keep", "keep, write_only"), "attribute `size`: `write_only` goes with `required` or `optional`");
    let never = "attribute `name`: with `write_only` it is never stored: write `Option<String>`";
    assert_eq!(said("required", "required, write_only"), never);
}

#[test]
fn the_latch_and_the_timeouts_have_their_type_and_rule() {
    let said = |right, wrong| said(model, MODEL, right, wrong);
    assert_eq!(said("ready: bool", "ready: Option<bool>"), "attribute `ready`: `ready` must be a `bool`");
    let timeouts = "attribute `timeouts`: `timeouts` must be of type `Timeouts`";
    assert_eq!(said(": Timeouts", ": Option<String>"), timeouts);
    for wrong in ["soon", "5", "5 m", "m", "0s", ""] {
        let expected = "not a duration; write `90s`, `20m` or `1h30m`";
        assert_eq!(said("1h30m", wrong), expected, "{wrong}");
    }
    assert_eq!(said("create", "destroy"), "there are create, read, update and delete");
    assert_eq!(said("(ready)", "(ready, keep)"), "`ready`: `ready`, `timeouts` and `flatten` bring their own rules");
    assert_eq!(said("#[attr(keep)]\n        size: Option<i64>", "#[attr(ready)] size: bool"), ONE_OF_EACH);
    assert_eq!(said("#[attr(keep)]\n        size: Option<i64>", "#[attr(timeouts)] size: Timeouts"), ONE_OF_EACH);
}

const ONE_OF_EACH: &str = "there can be one `ready` and one `timeouts`";

#[test]
fn what_belongs_to_a_model_stands_in_no_other_object() {
    for derive in [nested, provider] {
        let named = "#[model(name = \"disk\")] struct Disk {";
        assert_eq!(said(derive, NESTED, "struct Disk {", named), "only models have a name and a key");
        let keyed = "#[model(key(size))] struct Disk {";
        assert_eq!(said(derive, NESTED, "struct Disk {", keyed), "only models have a name and a key");
        let ready = "#[attr(ready)] size: bool";
        let right = "#[attr(required)]\n        size: i64";
        assert_eq!(said(derive, NESTED, right, ready), "`ready` and `timeouts` belong to the model itself");
    }
}

#[test]
fn a_derive_is_for_its_own_kind_of_type() {
    let all = "struct Disk {\n        #[attr(required)]\n        size: i64,\n    }";
    assert_eq!(said(nested, NESTED, all, "struct Disk(i64);"), "the fields must have names");
    assert_eq!(said(nested, NESTED, all, "enum Disk { Scsi }"), "this is derived for structs");
    let all = CHOICE.trim();
    assert_eq!(said(choice::expand, CHOICE, all, "struct Bus { scsi: u8 }"), "Choice is derived for enums");
}

#[test]
fn a_word_holds_nothing() {
    assert_eq!(said(choice::expand, CHOICE, "Scsi", "Scsi(u8)"), "a variant of a Choice holds nothing");
    assert_eq!(said(choice::expand, CHOICE, "word", "text"), "unknown option; there is word");
}

#[test]
fn a_secret_is_sent_again_by_a_version_that_is_there_and_local() {
    let right = "#[attr(keep)]\n        size: Option<i64>,";
    let with =
        |size: &str| format!("#[attr(required, write_only(version = size))] secret: Option<Secret<String>>, {size}");
    let said = |size: &str| said(model, MODEL, right, &with(size));
    assert_eq!(said("#[attr(keep)] size: Option<i64>,"), "no such attribute that is `local`");
    assert_eq!(said(""), "no such attribute that is `local`");
    let there = MODEL.replace(right, &with("#[attr(local)] size: Option<i64>,"));
    model(&parse_str::<DeriveInput>(&there).unwrap()).unwrap();
}
