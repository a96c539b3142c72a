//! Data sources that a resource brings along: [`Look`] finds one object by its key, [`Many`] tells all that there are.

use std::collections::BTreeMap;
use std::fmt::Debug;
use std::future::Future;
use std::marker::PhantomData;
use std::time::Duration;

use crate::cx::Cx;
use crate::data_source::DataSource;
use crate::error::Error;
use crate::model::{Fault, Key, Keyed, Model, Object, Operation};
use crate::outcome::Read;
use crate::resource::{Job, Need, Resource};
use crate::schema::{Attribute, Check, Kind, Nesting, Rule, Schema};
use crate::value::Value;

/// One object, looked up by its key: the key is asked for, and all else is told.
#[derive(Clone, Debug)]
pub struct Look<R: Keyed> {
    key: R::Key,
    found: BTreeMap<String, Value>,
}

/// A resource of which all objects can be listed.
pub trait Listed<A: Send + Sync + 'static>: Resource<A> {
    /// The name of the data source that lists them, without the provider's prefix, and of its attribute: `groups`.
    const PLURAL: &'static str;

    /// All of them. An error, never a short list, where it is not certain that all were seen: what is left out would be
    /// planned to be destroyed by whoever makes something for each.
    fn list(cx: &Cx<A>) -> impl Future<Output = Result<Vec<Self>, Error>> + Send;

    /// Why what was listed is not enough for it to be written down and imported; none if it is.
    fn incomplete(&self) -> Option<Error> {
        None
    }
}

/// All objects of a resource, by key.
#[derive(Debug)]
pub struct Many<A, R> {
    found: BTreeMap<String, Value>,
    of: PhantomData<fn() -> (A, R)>,
}

impl<A, R> Clone for Many<A, R> {
    fn clone(&self) -> Self {
        Self { found: self.found.clone(), of: PhantomData }
    }
}

/// Whether a data source tells of an attribute: not of what is only said, and never told by the API.
fn is_told<R: Keyed>(attribute: &Attribute) -> bool {
    let own = [R::READY, R::TIMEOUTS].into_iter().flatten().any(|name| name == attribute.name);
    !(attribute.local || attribute.write_only || own)
}

/// The attribute as something that is told: what it is, without what it means to write it.
fn told(mut attribute: Attribute) -> Attribute {
    attribute.rule = Rule::Computed;
    attribute.replace = false;
    attribute.usual = None;
    attribute.checks.clear();
    attribute.description = first_paragraph(&attribute.description).to_owned();
    if let Kind::Nested(_, inner) = &mut attribute.kind {
        *inner = std::mem::take(inner).into_iter().filter(|a| !a.write_only && !a.local).map(told).collect();
    }
    attribute
}

/// The text up to the first empty line.
const fn first_paragraph(text: &str) -> &str {
    let bytes = text.as_bytes();
    let mut end = 0;
    while end + 1 < bytes.len() {
        if bytes[end] == b'\n' && bytes[end + 1] == b'\n' {
            return text.split_at(end).0;
        }
        end += 1;
    }
    text
}

/// What it takes to look one up: what it takes to plan it.
fn needs_of<A: Send + Sync + 'static, R: Resource<A>>() -> impl Iterator<Item = Need> {
    R::needs().into_iter().filter(|need| need.job == Job::Plan)
}

/// What it takes to look all up. They are seen from above: the part of a path that names one is left out.
pub(crate) fn needs_of_all(of_one: Vec<Need>) -> Vec<Need> {
    let above = |path: &'static str| match path.split_once("/{") {
        Some(("", _)) => "/",
        Some((above, _)) => above,
        None => path,
    };
    let to_plan = of_one.into_iter().filter(|need| need.job == Job::Plan);
    to_plan.map(|need| Need { path: above(need.path), ..need }).collect()
}

/// What a data source tells of an object.
fn attributes_of<R: Keyed>() -> Vec<Attribute> {
    R::attributes().into_iter().filter(is_told::<R>).map(told).collect()
}

/// The values of these attributes and no others; what is missing is null.
fn shown(attributes: &[Attribute], found: &BTreeMap<String, Value>) -> BTreeMap<String, Value> {
    let value = |a: &Attribute| match (found.get(&a.name), &a.kind) {
        (None, _) => Value::Null,
        (Some(value), Kind::Plain(_)) => value.clone(),
        (Some(value), Kind::Nested(_, inner)) => shown_inside(inner, value),
    };
    attributes.iter().map(|a| (a.name.clone(), value(a))).collect()
}

/// The same within a nested value: objects lose what is not told, collections keep their elements.
fn shown_inside(inner: &[Attribute], value: &Value) -> Value {
    match value {
        Value::Object(of) => Value::Object(shown(inner, of)),
        Value::List(items) => Value::List(items.iter().map(|item| shown_inside(inner, item)).collect()),
        Value::Map(of) => Value::Map(of.iter().map(|(k, v)| (k.clone(), shown_inside(inner, v))).collect()),
        other => other.clone(),
    }
}

impl<R: Keyed + Debug> Object for Look<R> {
    type Plan = R::Plan;

    const DESCRIPTION: &'static str = first_paragraph(R::DESCRIPTION);

    fn attributes() -> Vec<Attribute> {
        let key = |a: &Attribute| R::Key::FIELDS.contains(&a.name.as_str());
        let asked: BTreeMap<_, _> = R::attributes().into_iter().map(|a| (a.name.clone(), a)).collect();
        let one = |attribute: Attribute| match (key(&attribute), asked.get(&attribute.name)) {
            // Whoever reads may rely on its checks, as whoever writes.
            (true, Some(asked)) => {
                let may_be_missing = R::Key::OPTIONAL.contains(&attribute.name.as_str());
                let rule = if may_be_missing { Rule::Optional } else { Rule::Required };
                Attribute { rule, checks: asked.checks.clone(), ..told(asked.clone()) }
            }
            _ => attribute,
        };
        attributes_of::<R>().into_iter().map(one).collect()
    }

    fn checks() -> Vec<Check> {
        Vec::new()
    }

    fn decode(attributes: &BTreeMap<String, Value>) -> Result<Self, Fault> {
        Ok(Self { key: R::Key::decode(attributes)?, found: BTreeMap::new() })
    }

    fn encode(&self) -> BTreeMap<String, Value> {
        let mut all = shown(&attributes_of::<R>(), &self.found);
        // As it was asked for.
        all.extend(self.key.encode());
        all
    }

    fn decode_plan(attributes: &BTreeMap<String, Value>) -> Result<R::Plan, Fault> {
        R::decode_plan(attributes)
    }

    fn encode_plan(plan: &R::Plan) -> BTreeMap<String, Value> {
        R::encode_plan(plan)
    }
}

impl<R: Keyed + Debug> Model for Look<R> {
    const NAME: &'static str = R::NAME;
    const AREA: &'static str = R::AREA;
    const VERSION: i64 = 0;
    const DEPRECATED: Option<&'static str> = R::DEPRECATED;
    const READY: Option<&'static str> = None;
    const TIMEOUTS: Option<&'static str> = None;

    fn timeout(operation: Operation) -> Duration {
        R::timeout(operation)
    }
}

impl<A: Send + Sync + 'static, R: Resource<A> + Debug> DataSource<A> for Look<R> {
    const PLAIN: bool = R::PLAIN;

    fn needs() -> Vec<Need> {
        needs_of::<A, R>().collect()
    }

    async fn read(cx: &Cx<A>, config: Self) -> Result<Self, Error> {
        match R::read(cx, &config.key, None).await? {
            Read::Found(model) => Ok(Self { found: model.encode(), ..config }),
            Read::Gone => {
                let error = Error::new(
                    format!("There is no {} \"{}\"", R::NAME.replace('_', " "), config.key),
                    "It was looked for and does not exist. A data source finds what is there already; what this \
                     configuration makes is known by its resource.",
                );
                Err(match R::Key::FIELDS {
                    [field] => error.at(*field),
                    _ => error,
                })
            }
            Read::Unreachable(why) => Err(Error::new(why.about, why.why)),
        }
    }
}

impl<A: Send + Sync + 'static, R: Listed<A> + Debug> Object for Many<A, R> {
    type Plan = ();

    const DESCRIPTION: &'static str = first_paragraph(R::DESCRIPTION);

    fn attributes() -> Vec<Attribute> {
        let mut all = Attribute::new(R::PLURAL, Kind::Nested(Nesting::Map, attributes_of::<R>()), Rule::Computed);
        let id = R::Key::FIELDS.iter().map(|field| format!("`{field}`")).collect::<Vec<_>>().join("/");
        all.description = format!("All of them, by {id}.");
        vec![all]
    }

    fn checks() -> Vec<Check> {
        Vec::new()
    }

    fn decode(_: &BTreeMap<String, Value>) -> Result<Self, Fault> {
        Ok(Self { found: BTreeMap::new(), of: PhantomData })
    }

    fn encode(&self) -> BTreeMap<String, Value> {
        BTreeMap::from([(R::PLURAL.to_owned(), Value::Map(self.found.clone()))])
    }

    fn decode_plan(_: &BTreeMap<String, Value>) -> Result<(), Fault> {
        Ok(())
    }

    fn encode_plan((): &()) -> BTreeMap<String, Value> {
        BTreeMap::from([(R::PLURAL.to_owned(), Value::Null)])
    }
}

impl<A: Send + Sync + 'static, R: Listed<A> + Debug> Model for Many<A, R> {
    const NAME: &'static str = R::PLURAL;
    const AREA: &'static str = R::AREA;
    const VERSION: i64 = 0;
    const DEPRECATED: Option<&'static str> = R::DEPRECATED;
    const READY: Option<&'static str> = None;
    const TIMEOUTS: Option<&'static str> = None;

    fn timeout(operation: Operation) -> Duration {
        R::timeout(operation)
    }

    fn schema() -> Schema {
        let plain = Schema { attributes: Self::attributes(), ..Schema::default() };
        Schema {
            description: each(<Self as Object>::DESCRIPTION),
            deprecated: Self::DEPRECATED.map(str::to_owned),
            ..plain
        }
    }
}

/// Of all, what is said of one.
fn each(one: &str) -> String {
    let mut letters = one.chars();
    // An abbreviation or a name keeps its capital.
    match (letters.next(), letters.next()) {
        (Some(first), Some(second)) if !second.is_uppercase() && second != '`' => {
            format!("All that there are. Each is {}{}", first.to_lowercase(), &one[first.len_utf8()..])
        }
        _ => format!("All that there are. Each is {one}"),
    }
}

impl<A: Send + Sync + 'static, R: Listed<A> + Debug> DataSource<A> for Many<A, R> {
    const PLAIN: bool = R::PLAIN;

    fn needs() -> Vec<Need> {
        needs_of_all(R::needs())
    }

    async fn read(cx: &Cx<A>, _: Self) -> Result<Self, Error> {
        let attributes = attributes_of::<R>();
        let one = |model: R| {
            let key = model.key().map(|key| key.to_string()).unwrap_or_default();
            (key, Value::Object(shown(&attributes, &model.encode())))
        };
        Ok(Self { found: R::list(cx).await?.into_iter().map(one).collect(), of: PhantomData })
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::stop::StopToken;
    use crate::{Created, Deleted, Failed, Secret, Timeouts, Unwritten, Updated};

    /// A disk of a machine.
    #[derive(crate::Nested, Clone, Debug, PartialEq)]
    struct Disk {
        #[attr(required, range = 1..=9)]
        size: i64,
        #[attr(local)]
        allow_shrink: Option<bool>,
    }

    /// A machine.
    ///
    /// Removing it is for good.
    #[derive(crate::Model, Clone, Debug, PartialEq)]
    #[model(name = "test_machine", area = "Things", key(node, name))]
    struct Machine {
        /// Where it stands.
        ///
        /// No machine moves.
        #[attr(required, replace)]
        node: String,
        #[attr(required, replace, regex = "[a-z]+")]
        name: String,
        /// Its disks.
        ///
        /// What is taken out is kept.
        #[attr(optional)]
        disks: Option<BTreeMap<String, Disk>>,
        #[attr(optional, write_only)]
        password: Option<Secret<String>>,
        #[attr(ready)]
        ready: bool,
        #[attr(timeouts)]
        timeouts: Timeouts,
    }

    /// The names that exist, each on node `a`; `hidden` is one that nobody can be asked about.
    type Names = Vec<&'static str>;

    fn machine(name: &str) -> Machine {
        let disk = Disk { size: 4, allow_shrink: Some(true) };
        Machine {
            node: "a".to_owned(),
            name: name.to_owned(),
            disks: Some([("scsi0".to_owned(), disk)].into()),
            password: None,
            ready: true,
            timeouts: Timeouts::default(),
        }
    }

    impl Resource<Names> for Machine {
        fn needs() -> Vec<Need> {
            vec![Need::to_plan("/machines/{node}/{name}", &["Look"]), Need::to_apply("/machines", &["Write"])]
        }

        async fn create(_: &Cx<Names>, _: &Self, unwritten: Unwritten<Self>) -> Result<Created<Self>, Failed> {
            Err(unwritten.fail(Error::new("never", "")))
        }

        async fn read(cx: &Cx<Names>, key: &MachineKey, _: Option<&Self>) -> Result<Read<Self>, Error> {
            Ok(match (key.name.as_str(), cx.contains(&key.name.as_str())) {
                ("hidden", _) => Read::unreachable("Node a is offline", "No answer."),
                (name, true) => Read::Found(machine(name)),
                (_, false) => Read::Gone,
            })
        }

        async fn update(_: &Cx<Names>, _: &Self, want: &Self) -> Result<Updated<Self>, Error> {
            Ok(Updated::Done(want.clone()))
        }

        async fn delete(_: &Cx<Names>, _: &Self) -> Result<Deleted<Self>, Error> {
            Ok(Deleted::Gone)
        }
    }

    impl Listed<Names> for Machine {
        const PLURAL: &'static str = "machines";

        async fn list(cx: &Cx<Names>) -> Result<Vec<Self>, Error> {
            match cx.contains(&"hidden") {
                true => Err(Error::new("Not all are to be seen", "")),
                false => Ok(cx.iter().map(|name| machine(name)).collect()),
            }
        }
    }

    fn cx(names: &[&'static str]) -> Cx<Names> {
        Cx::new(Arc::new(names.to_vec()), StopToken::new(), Duration::from_secs(9))
    }

    async fn look(names: &[&'static str], name: &str) -> Result<BTreeMap<String, Value>, Error> {
        let asked = BTreeMap::from([("node".to_owned(), "a".into()), ("name".to_owned(), name.into())]);
        Look::<Machine>::read(&cx(names), Look::decode(&asked).unwrap()).await.map(|found| found.encode())
    }

    fn disks() -> Value {
        let disk = Value::object([("size", Value::from(4))]);
        Value::map([("scsi0", disk)])
    }

    #[test]
    fn the_key_is_asked_for_and_the_rest_is_told() {
        let all = Look::<Machine>::attributes();
        let rules: Vec<_> = all.iter().map(|a| (a.name.as_str(), a.rule == Rule::Required, a.checks.len())).collect();
        assert_eq!(rules, [("node", true, 0), ("name", true, 1), ("disks", false, 0)], "nothing that is only said");
        assert!(all.iter().all(|a| !a.replace));
        let about: Vec<_> = all.iter().map(Attribute::about).collect();
        assert_eq!(about, ["Where it stands.", "", "Its disks."], "nothing that is for whoever writes it");
        assert_eq!(Look::<Machine>::schema().description, "A machine.");
        assert_eq!(Many::<Names, Machine>::schema().description, "All that there are. Each is a machine.");
        let [size] = all[2].nested().unwrap() else { panic!("{:?}", all[2]) };
        assert!(size.name == "size" && size.rule == Rule::Computed && size.checks.is_empty());
    }

    #[test]
    fn who_may_plan_may_look_it_up() {
        let needs = [Look::<Machine>::needs(), Many::<Names, Machine>::needs()];
        assert_eq!(needs, ["/machines/{node}/{name}", "/machines"].map(|path| vec![Need::to_plan(path, &["Look"])]));
    }

    #[test]
    fn a_sentence_goes_on_with_what_one_is() {
        for (one, all) in [("A pool.", "a pool."), ("`x` of y.", "`x` of y."), ("NFS.", "NFS."), ("", "")] {
            assert_eq!(each(one), format!("All that there are. Each is {all}"));
        }
    }

    #[tokio::test]
    async fn what_is_there_is_shown_and_what_is_not_is_an_error() {
        let found = look(&["web"], "web").await.unwrap();
        let expected = [("node", "a".into()), ("name", "web".into()), ("disks", disks())];
        assert_eq!(found, expected.map(|(name, value)| (name.to_owned(), value)).into());
        let gone = look(&["web"], "db").await.unwrap_err();
        assert!(gone.text().starts_with("There is no test machine \"a/db\""), "{}", gone.text());
        let hidden = look(&["web"], "hidden").await.unwrap_err();
        assert_eq!(hidden.text(), "Node a is offline\nNo answer.");
    }

    #[tokio::test]
    async fn all_are_told_by_key_or_none() {
        let one = Value::object([("node", "a".into()), ("name", "web".into()), ("disks", disks())]);
        let read = async |names: &[&'static str]| {
            let asked = Many::<Names, Machine>::decode(&BTreeMap::new()).unwrap();
            Many::read(&cx(names), asked).await.map(|found| found.encode())
        };
        let found = read(&["web"]).await.unwrap();
        assert_eq!(found, [("machines".to_owned(), Value::map([("a/web", one)]))].into());
        assert_eq!(read(&[]).await.unwrap(), [("machines".to_owned(), Value::Map(BTreeMap::new()))].into());
        assert_eq!(read(&["web", "hidden"]).await.unwrap_err().text(), "Not all are to be seen");
        let [all] = &Many::<Names, Machine>::attributes()[..] else { panic!() };
        assert!(all.name == "machines" && all.description.contains("`node`/`name`"), "{all:?}");
    }
}
