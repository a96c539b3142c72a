//! Blocks of a configuration, whichever way they are written.

use super::{By, Condition, Config, Expr, Ignore, Import, Name, Part, Resource};
use crate::path::{Path, Step};
use crate::state::Address;
use crate::value::Value;

impl Config {
    /// A configuration in Terraform's JSON syntax.
    #[must_use]
    pub fn from_json(json: serde_json::Value) -> Self {
        let mut config = Self::new();
        for (kind, content) in Expr::from(json).into_object() {
            config.add_top(&kind, content);
        }
        config
    }

    /// One kind of block at the top, with all there are of it.
    pub(super) fn add_top(&mut self, kind: &str, content: Expr) {
        match kind {
            "resource" | "data" => {
                for (ty, named) in content.into_object() {
                    for (name, body) in named.into_object() {
                        let mut address = Address::from(format!("{ty}.{name}").as_str());
                        address.data = kind == "data";
                        self.add_resource(address, body);
                    }
                }
            }
            "locals" => content.into_list().into_iter().for_each(|one| self.locals.extend(one.into_object())),
            "variable" => {
                for (name, mut body) in content.into_object() {
                    if let Some(Expr::Value(default)) = body.take("default") {
                        self.variables.entry(name).or_insert(default);
                    }
                }
            }
            "output" => {
                for (name, mut body) in content.into_object() {
                    self.outputs.extend(body.take("value").map(|value| (name, value)));
                }
            }
            "import" => content.into_list().into_iter().for_each(|one| self.add_import(one)),
            "moved" | "removed" => content.into_list().into_iter().for_each(|one| self.add_move(kind, one)),
            // Where the provider comes from, and how it is configured, is not read from here.
            "terraform" | "provider" => {}
            other => self.wrong.push(format!("blocks of type \"{other}\" are not known here")),
        }
    }

    fn add_import(&mut self, mut block: Expr) {
        let to = block.take("to").and_then(|to| to.as_name()?.address().map(|(to, _)| to));
        let by = block.take("id").map(By::Id).or_else(|| block.take("identity").map(By::Identity));
        match (to, by) {
            (Some(to), Some(by)) => self.imports.push(Import { to, by }),
            _ => self.wrong.push("an import block needs `to`, and `id` or `identity`".to_owned()),
        }
    }

    fn add_move(&mut self, kind: &str, mut block: Expr) {
        let mut address = |name: &str| block.take(name).and_then(|of| of.as_name()?.address().map(|(of, _)| of));
        match (kind, address("from"), address("to")) {
            ("moved", Some(from), Some(to)) => self.moves.push((from, to)),
            ("removed", Some(from), _) => {
                let destroy = block.take("lifecycle").and_then(|of| only(of).take("destroy"));
                self.removed.push((from, destroy.and_then(|destroy| destroy.as_bool()).unwrap_or(true)));
            }
            _ => self.wrong.push(format!("a {kind} block names what it is about")),
        }
    }

    pub(super) fn add_resource(&mut self, address: Address, mut body: Expr) {
        if let Expr::Value(Value::Object(attributes)) = body {
            body = Expr::Object(attributes.into_iter().map(|(name, value)| (name, Expr::Value(value))).collect());
        }
        let depends_on = body.take("depends_on").map(Expr::into_list).unwrap_or_default();
        let depends_on = depends_on.iter().filter_map(|one| Some(one.as_name()?.address()?.0.resource())).collect();
        let (for_each, count) = (body.take("for_each"), body.take("count"));
        body.take("provider");
        let mut lifecycle = only(body.take("lifecycle").unwrap_or(Expr::Object(Vec::new())));
        let mut flag = |name| lifecycle.take(name).and_then(|value| value.as_bool()).unwrap_or(false);
        let (create_before_destroy, prevent_destroy) = (flag("create_before_destroy"), flag("prevent_destroy"));
        let ignore = lifecycle.take("ignore_changes").map_or(Ignore::Some(Vec::new()), ignored);
        let triggers = lifecycle.take("replace_triggered_by").map(Expr::into_list).unwrap_or_default();
        let mut conditions = |name| {
            let blocks = lifecycle.take(name).map(Expr::into_list).unwrap_or_default();
            let one = |mut block: Expr| {
                let message = block.take("error_message").unwrap_or(Expr::Value(Value::Null));
                Some(Condition { condition: block.take("condition")?, message })
            };
            blocks.into_iter().filter_map(one).collect()
        };
        let (preconditions, postconditions) = (conditions("precondition"), conditions("postcondition"));
        self.resources.retain(|resource| resource.address != address);
        self.resources.push(Resource {
            address,
            body,
            for_each,
            count,
            depends_on,
            ignore,
            create_before_destroy,
            prevent_destroy,
            replace_triggered_by: triggers.iter().filter_map(Expr::as_name).collect(),
            preconditions,
            postconditions,
        });
    }
}

/// A block that may be written as a list of blocks.
fn only(block: Expr) -> Expr {
    Expr::Object(match block {
        Expr::List(blocks) => blocks.into_iter().flat_map(Expr::into_object).collect(),
        one => one.into_object(),
    })
}

fn ignored(list: Expr) -> Ignore {
    let step = |part: &Part| match part {
        Part::Attribute(name) => Step::Attribute(name.clone()),
        Part::Index(n) => Step::Index(*n),
        Part::Key(key) => Step::Key(key.clone()),
    };
    let names: Vec<Name> = list.into_list().iter().filter_map(Expr::as_name).collect();
    match names.as_slice() {
        [Name(parts)] if parts.as_slice() == [Part::Attribute("all".to_owned())] => Ignore::All,
        _ => Ignore::Some(names.iter().map(|Name(parts)| Path(parts.iter().map(step).collect())).collect()),
    }
}
