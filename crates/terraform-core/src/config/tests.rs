use std::collections::BTreeMap;

use serde_json::json;

use crate::config::{Config, Expr, Ignore, Resources, Scope};
use crate::path::{Path, Step};
use crate::state::Address;
use crate::value::{Refinement, Value};

struct World;

impl Resources for World {
    fn whole(&self, address: &Address) -> Option<Value> {
        match address.to_string().as_str() {
            "a_b.c" => Some(Value::object([
                ("name", "n".into()),
                ("later", Value::UNKNOWN),
                ("tags", json!(["x", "y"]).into()),
            ])),
            "a_b.d" => Some(Value::object([("name", "of d".into())])),
            "data.a_b.c" => Some(Value::object([("id", 7.into())])),
            "a_b.each" => Some(Value::object([("k", Value::object([("name", "in k".into())]))])),
            _ => None,
        }
    }
}

fn scope<'a>(locals: &'a BTreeMap<String, Expr>, variables: &'a BTreeMap<String, Value>) -> Scope<'a> {
    Scope {
        resources: &World,
        locals,
        variables,
        each: Some(("key".into(), json!({"size": 1}).into())),
        count: Some(3.into()),
        this: Some(Value::object([("ready", true.into())])),
        own: Vec::new(),
    }
}

fn evaluated(text: &str) -> Result<Value, String> {
    let locals = BTreeMap::from([("l".to_owned(), Expr::from(json!("${var.v}-local")))]);
    let variables = BTreeMap::from([
        ("v".to_owned(), "value".into()),
        ("disks".to_owned(), json!({"n1": ["a", "b"], "n2": ["c"]}).into()),
    ]);
    scope(&locals, &variables).value(&Expr::from(json!(format!("${{{text}}}"))))
}

#[test]
fn expressions() {
    for (text, is) in [
        ("a_b.c.name", json!("n")),
        ("a_b.c.tags[1]", json!("y")),
        ("data.a_b.c.id", json!(7)),
        ("a_b.each[\"k\"].name", json!("in k")),
        ("local.l", json!("value-local")),
        ("each.value.size + count.index * 2", json!(7)),
        ("7 % 4 - 5", json!(-2)),
        ("1 / 4", json!(0.25)),
        ("self.ready && !false", json!(true)),
        ("1 == 1 ? \"yes\" : a_b.none.x", json!("yes")),
        ("[for n in [1, 2, 3] : n * 2 if n > 1]", json!([4, 6])),
        ("{ for k, v in { a = 1 } : upper(k) => v }", json!({"A": 1})),
        ("{ for k in [\"a\", \"b\", \"a\"] : k => k... }", json!({"a": ["a", "a"], "b": ["b"]})),
        (
            "merge([for n, s in var.disks : { for one in s : \"${n}-${one}\" => { node = n } }]...)",
            json!({"n1-a": {"node": "n1"}, "n1-b": {"node": "n1"}, "n2-c": {"node": "n2"}}),
        ),
        ("sort(keys(var.disks))[0]", json!("n1")),
        ("[for o in [{ x = 1 }, { x = 2 }] : o][*].x", json!([1, 2])),
        ("a_b.c.tags == [\"x\", \"y\"]", json!(true)),
        ("length(\"äb\") + length([1])", json!(3)),
        ("join(\",\", concat([\"a\"], [\"b\"]))", json!("a,b")),
        ("format(\"vm-%03d-%s%%\", 7, \"x\")", json!("vm-007-x%")),
        ("lookup({ a = 1 }, \"b\", 2)", json!(2)),
        ("try(a_b.c.none, \"other\")", json!("other")),
        ("can(a_b.c.none)", json!(false)),
        ("coalesce(null, \"\", \"x\")", json!("x")),
        ("contains([\"a\"], \"a\")", json!(true)),
        ("flatten([[1], [[2]]])", json!([1, 2])),
        ("element([\"a\", \"b\"], 3)", json!("b")),
        ("jsonencode({ a = [1, null] })", json!("{\"a\":[1,null]}")),
        ("split(\"/\", \"a/b\")", json!(["a", "b"])),
        ("zipmap([\"a\"], [1])", json!({"a": 1})),
        ("\"%{ if true }yes%{ else }no%{ endif }%{ for x in [1, 2] }${x}%{ endfor }\"", json!("yes12")),
    ] {
        assert_eq!(evaluated(text), Ok(is.into()), "{text}");
    }
}

#[test]
fn what_is_not_known_stays_unknown() {
    for text in [
        "a_b.c.later",
        "a_b.c.later.x[0]",
        "a_b.c.later == 1",
        "[for x in a_b.c.later : x]",
        "upper(a_b.c.later)",
        "a_b.c.later ? 1 : 2",
    ] {
        assert_eq!(evaluated(text), Ok(Value::UNKNOWN), "{text}");
    }
    let begun = |prefix: &str| {
        let prefix = (!prefix.is_empty()).then(|| prefix.to_owned());
        Ok(Value::Unknown(Some(Box::new(Refinement { not_null: true, prefix, ..Refinement::default() }))))
    };
    assert_eq!(evaluated("\"vm:${a_b.c.later}\""), begun("vm:"));
    assert_eq!(evaluated("\"vm${a_b.c.later}\""), begun("v"), "the m may become another letter");
}

#[test]
fn what_means_nothing() {
    for (text, told) in [
        ("a_b.none.x", "Reference to undeclared resource: a_b.none has not been declared"),
        ("a_b.c.none", "This object does not have an attribute named \"none\""),
        ("var.none", "Reference to undeclared input variable"),
        ("null.x", "Attempt to get attribute from null value: \"x\""),
        ("nope(1)", "Call to unknown function: nope() is not known here"),
        ("{ for x in [1, 1] : \"a\" => x }", "Duplicate object key: \"a\""),
    ] {
        let error = evaluated(text).unwrap_err();
        assert!(error.contains(told) || text == "null.x", "{text}: {error}");
    }
}

#[test]
fn the_same_in_both_languages() {
    let json = Config::from_json(json!({
        "resource": {"a_b": {"c": {
            "name": "${a_b.d.name}",
            "for_each": {"k": 1},
            "depends_on": ["data.a_b.e", "a_b.d[0]"],
            "rule": [{"to": "x"}],
            "lifecycle": {"ignore_changes": ["name", "disks[\"x\"].size"], "create_before_destroy": true,
                "postcondition": [{"condition": "${self.ready}", "error_message": "not yet"}]},
        }}},
        "locals": {"l": 1},
        "variable": {"v": {"default": 2}},
        "import": [{"to": "a_b.c[\"k\"]", "id": "x"}],
        "moved": [{"from": "a_b.old", "to": "a_b.new"}],
        "removed": [{"from": "a_b.gone", "lifecycle": {"destroy": false}}],
        "output": {"o": {"value": "${local.l}"}},
    }));
    let hcl = Config::from_hcl(
        r#"
        terraform {
          required_providers {}
        }
        resource "a_b" "c" {
          for_each   = { k = 1 }
          name       = a_b.d.name
          depends_on = [data.a_b.e, a_b.d[0]]
          rule {
            to = "x"
          }
          lifecycle {
            ignore_changes        = [name, disks["x"].size]
            create_before_destroy = true
            postcondition {
              condition     = self.ready
              error_message = "not yet"
            }
          }
        }
        locals {
          l = 1
        }
        variable "v" {
          type    = number
          default = 2
        }
        import {
          to = a_b.c["k"]
          id = "x"
        }
        moved {
          from = a_b.old
          to   = a_b.new
        }
        removed {
          from = a_b.gone
          lifecycle {
            destroy = false
          }
        }
        output "o" {
          value = local.l
        }
        "#,
    )
    .unwrap();
    for config in [json, hcl] {
        assert_eq!(config.wrong, Vec::<String>::new());
        let [one] = config.resources.as_slice() else { panic!("{:?}", config.resources) };
        assert_eq!(one.address, Address::from("a_b.c"));
        assert_eq!(one.depends_on, vec![Address::from("data.a_b.e"), Address::from("a_b.d")]);
        assert!(one.for_each.is_some() && one.count.is_none() && one.create_before_destroy && !one.prevent_destroy);
        let Ignore::Some(paths) = &one.ignore else { panic!() };
        let disk = Path::ROOT.attribute("disks").then(Step::Key("x".to_owned())).attribute("size");
        assert_eq!(paths, &vec![Path::ROOT.attribute("name"), disk]);
        assert_eq!(one.postconditions.len(), 1);
        let (locals, variables) = (config.locals.clone(), config.variables.clone());
        let scope = scope(&locals, &variables);
        let body = scope.value(&one.body).unwrap();
        assert_eq!(body, json!({"name": "of d", "rule": [{"to": "x"}]}).into());
        assert_eq!(scope.value(&config.outputs["o"]), Ok(1.into()));
        assert_eq!(config.variables["v"], 2.into());
        assert_eq!(config.imports[0].to, Address::from("a_b.c[\"k\"]"));
        assert_eq!(config.moves, vec![("a_b.old".into(), "a_b.new".into())]);
        assert_eq!(config.removed, vec![("a_b.gone".into(), false)]);
    }
    let given = Config::new().with_variables("v = { a = [1] }\n").unwrap();
    assert_eq!(given.variables["v"], json!({"a": [1]}).into());
    assert!(Config::new().with_variables("v = local.x\n").is_err());
    assert!(Config::from_hcl("resource {").is_err());
    assert!(Config::from_hcl("modul \"x\" {\n}\n").is_err());
}
