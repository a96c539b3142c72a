//! Plain sections of configuration files: a row for each family, all else from PVE's own schema.
//!
//! A row says where the sections lie and what PVE says about them. Which parameters there are, of which types, who may ask and
//! what an answer shows stands in `truth/api.json`. What no schema tells is a quirk: a small function of the row. A family is
//! added by a row in a file beside this one and that file in [`rows`].

mod acme;
mod backup;
mod jobs;
mod mappings;
mod metrics;
mod notifications;
mod replication;
mod singles;

use serde_json::{Map, Value, json};

use crate::cluster::sections::Entry;
use crate::kernel::locks::Lock;
use crate::kernel::params::Param;
use crate::kernel::schema::{self, Method};
use crate::kernel::{Call, PveError, Routes};

/// What PVE says of a change whose digest is another.
const MODIFIED: &str = "detected modified configuration - file changed by other user? Try again.";

/// A family of sections.
struct Row {
    /// The collection, as the schema has it.
    path: &'static str,
    /// The file, whose lock a write takes. Names are unique in it.
    file: &'static str,
    /// What PVE brings along, by name, as JSON: always there, and there again once it is removed.
    builtin: &'static str,
    /// What answers call the name, where they do not call it as the path does.
    named: Option<&'static str>,
    /// The fields that are shown besides the name, where `returns` does not tell. Where it has none, all are shown.
    shown: Option<&'static [&'static str]>,
    /// What never shows and does not count for the digest: it lies in a file of its own.
    secret: &'static [&'static str],
    /// The digest of a file's contents, where answers have one.
    digest: Option<fn(&str) -> String>,
    /// Whether the list tells the digest as well.
    digest_in_list: bool,
    /// The status of [`MODIFIED`].
    modified: u16,
    /// Of one that exists.
    exists: fn(&str) -> PveError,
    /// Of one that does not, by verb.
    missing: fn(&str, &str) -> PveError,
    /// What stands behind `create` and `update` and before what went wrong: `mapping failed`.
    failed: Option<&'static str>,
    /// Settings that each change has to say again.
    again: &'static [&'static str],
    /// Whether removing what is not there is fine.
    forgiving: bool,
    /// Whether the name may be left out: PVE makes one then, and does not tell it.
    names_itself: bool,
    /// The list.
    lists: fn(&mut Call<'_>) -> Result<Value, PveError>,
    /// The removal.
    deletes: fn(&mut Call<'_>) -> Result<Value, PveError>,
    /// Whether a list shows it to who asks.
    seen: fn(&Call<'_>, &str) -> bool,
    /// Before anything else is looked at.
    asked: fn(&Call<'_>) -> Result<(), PveError>,
    /// Whether a setting can be taken away.
    deletable: fn(&str) -> Result<(), PveError>,
    /// Before it is stored, with what it was before: checks, and changes that no schema tells.
    stored: fn(&Call<'_>, Option<&Entry>, &mut Entry) -> Result<(), PveError>,
    /// Before it is removed.
    removed: fn(&mut Call<'_>, &str) -> Result<Removal, PveError>,
    /// Before it is shown, alone or in the list.
    shows: fn(&Row, &str, &Entry, &mut Map<String, Value>, bool),
}

/// What becomes of what is removed.
enum Removal {
    /// It is gone.
    Gone,
    /// It is taken away later.
    Begun,
}

const PLAIN: Row = Row {
    path: "",
    file: "",
    builtin: "{}",
    named: None,
    shown: None,
    secret: &[],
    digest: None,
    digest_in_list: false,
    modified: 500,
    exists: |name| PveError::new(format!("'{name}' already exists")),
    missing: |_, name| PveError::new(format!("'{name}' does not exist")),
    failed: None,
    again: &[],
    forgiving: false,
    names_itself: false,
    lists: list,
    deletes: delete,
    seen: |_, _| true,
    asked: |_| Ok(()),
    deletable: |_| Ok(()),
    stored: |_, _, _| Ok(()),
    removed: |_, _| Ok(Removal::Gone),
    shows: |_, _, _, _, _| {},
};

/// Every family.
fn rows() -> impl Iterator<Item = &'static Row> {
    let files =
        [acme::ROWS, backup::ROWS, jobs::ROWS, mappings::ROWS, metrics::ROWS, notifications::ROWS, replication::ROWS];
    files.into_iter().flatten()
}

pub(crate) fn routes(r: &mut Routes) {
    for row in rows() {
        let one = row.one();
        r.get(row.path, row.lists);
        r.get(&one, read);
        r.post(row.made_at(), create);
        r.put(&one, update);
        r.delete(&one, row.deletes);
    }
    acme::routes(r);
    jobs::routes(r);
    mappings::routes(r);
    metrics::routes(r);
    notifications::routes(r);
    singles::routes(r);
}

impl Row {
    /// The row that a call belongs to.
    fn of(call: &Call<'_>) -> &'static Row {
        let is =
            |row: &&Row| call.path.strip_prefix(row.path).is_some_and(|rest| rest.is_empty() || rest.starts_with("/{"));
        // Only the routes of these rows lead here.
        rows().find(is).expect("a row for each route")
    }

    /// The path of one section: `/cluster/jobs/realm-sync/{id}`.
    fn one(&self) -> String {
        format!("{}/{{{}}}", self.path, self.key())
    }

    /// What the schema calls the name of a section.
    fn key(&self) -> &'static str {
        let inside = |path: &'static str| {
            path.strip_prefix(self.path)?.strip_prefix("/{")?.strip_suffix('}').filter(|key| !key.contains('/'))
        };
        // `Routes` refuses a path that PVE does not have.
        schema::methods().iter().find_map(|method| inside(&method.path)).unwrap_or_default()
    }

    /// Where one is made: in the collection, or in its own place.
    fn made_at(&self) -> &'static str {
        let one = self.one();
        let made = |path: &str| schema::method("POST", path).map(|method| method.path.as_str());
        made(self.path).or_else(|| made(&one)).unwrap_or_default()
    }

    fn builtin(&self) -> Map<String, Value> {
        // Constants of these files, read by each test of them.
        serde_json::from_str(self.builtin).expect("JSON of what PVE brings along")
    }

    fn builtin_of(&self, name: &str) -> Option<Entry> {
        Some(self.builtin().get(name)?.as_object()?.clone().into_iter().collect())
    }

    /// An error as its calls tell it; `doing` is `create` or `update`.
    fn failing(&self, doing: &str, error: PveError) -> PveError {
        match self.failed {
            Some(what) => error.prefix(&format!("{doing} {what}: ")),
            None => error,
        }
    }

    /// A section as it is, if there is one of that name.
    fn get(&self, call: &Call<'_>, name: &str) -> Option<Entry> {
        call.cluster.sections.get(self.path, name).cloned().or_else(|| self.builtin_of(name))
    }

    /// All of them, by name.
    fn all(&self, call: &Call<'_>) -> Vec<(String, Entry)> {
        let kept = call.cluster.sections.of(self.path).map(|(name, entry)| (name.to_owned(), entry.clone()));
        let builtin =
            self.builtin().into_iter().filter(|(name, _)| call.cluster.sections.get(self.path, name).is_none());
        let builtin = builtin.filter_map(|(name, _)| Some((name.clone(), self.builtin_of(&name)?)));
        let mut all: Vec<_> = kept.chain(builtin).collect();
        all.sort_by(|(one, _), (other, _)| one.cmp(other));
        all
    }

    /// The digest of the whole file. What PVE brings along is not in it while nobody has changed it.
    fn digest_of_file(&self, call: &Call<'_>) -> Option<String> {
        let mut contents = String::new();
        for row in rows().filter(|row| row.file == self.file) {
            for (name, entry) in call.cluster.sections.of(row.path) {
                let open: Entry =
                    entry.clone().into_iter().filter(|(key, _)| !row.secret.contains(&key.as_str())).collect();
                contents.push_str(&format!("{}: {name} {}\n", row.path, json!(open)));
            }
        }
        Some((self.digest?)(&contents))
    }

    /// What an answer shows of a section.
    fn show(&'static self, call: &Call<'_>, name: &str, entry: &Entry, alone: bool) -> Value {
        let path = if alone { self.one() } else { self.path.to_owned() };
        let fields = schema::method("GET", &path).map(Method::returned).unwrap_or_default();
        let shown = |key: &str| match self.shown {
            Some(shown) => shown.contains(&key),
            None if fields.is_empty() => !self.secret.contains(&key),
            None => fields.contains(&key),
        };
        let mut answer: Map<String, Value> = entry.clone().into_iter().filter(|(key, _)| shown(key)).collect();
        if !alone || self.named.is_some() || fields.contains(&self.key()) {
            answer.insert(self.named.unwrap_or(self.key()).to_owned(), json!(name));
        }
        if let Some(digest) = self.digest_of_file(call).filter(|_| alone || self.digest_in_list) {
            answer.insert("digest".to_owned(), json!(digest));
        }
        (self.shows)(self, name, entry, &mut answer, alone);
        Value::Object(answer)
    }
}

fn list(call: &mut Call<'_>) -> Result<Value, PveError> {
    let row = Row::of(call);
    let all = row.all(call).into_iter().filter(|(name, _)| (row.seen)(call, name));
    Ok(all.map(|(name, entry)| row.show(call, &name, &entry, false)).collect())
}

fn read(call: &mut Call<'_>) -> Result<Value, PveError> {
    let row = Row::of(call);
    let name = call.params.need(row.key());
    let entry = row.get(call, name).ok_or_else(|| (row.missing)("GET", name))?;
    Ok(row.show(call, name, &entry, true))
}

/// The settings that were given, with the types with which they come back.
fn given(call: &Call<'_>, row: &Row, verb: &str, path: &str) -> Entry {
    let method = schema::method(verb, path);
    let kind = |name: &str| method.and_then(|method| method.parameter(name)?.kind.as_deref());
    let typed = |name: &str, text: &String| match kind(name) {
        Some("boolean" | "integer" | "number") => {
            text.parse::<i64>().map_or_else(|_| json!(text), |number| json!(number))
        }
        _ => json!(text),
    };
    let settings = call.params.iter().filter(|(name, _)| *name != row.key() && !["delete", "digest"].contains(name));
    settings
        .filter_map(|(name, value)| match value {
            Param::Text(text) => Some((name.to_owned(), typed(name, text))),
            Param::List(items) => Some((name.to_owned(), json!(items))),
            Param::Null => None,
        })
        .collect()
}

fn create(call: &mut Call<'_>) -> Result<Value, PveError> {
    let row = Row::of(call);
    (row.asked)(call)?;
    call.lock(Lock::file(row.file))?;
    let name = match call.params.text(row.key()) {
        None if row.names_itself => call.cluster.ids.uuid(),
        _ => call.params.need(row.key()).to_owned(),
    };
    let failing = |error| row.failing("create", error);
    if rows().any(|other| other.file == row.file && other.get(call, &name).is_some()) {
        return Err(failing((row.exists)(&name)));
    }
    let mut entry = given(call, row, "POST", row.made_at());
    (row.stored)(call, None, &mut entry).map_err(failing)?;
    call.cluster.sections.insert(row.path, name, entry);
    Ok(Value::Null)
}

/// What is set and taken away at once is set.
fn update(call: &mut Call<'_>) -> Result<Value, PveError> {
    let row = Row::of(call);
    (row.asked)(call)?;
    call.lock(Lock::file(row.file))?;
    let name = call.params.need(row.key()).to_owned();
    let failing = |error| row.failing("update", error);
    let before = row.get(call, &name).ok_or_else(|| failing((row.missing)("PUT", &name)))?;
    if call.params.text("digest").is_some_and(|known| row.digest_of_file(call).is_some_and(|is| is != known)) {
        return Err(failing(PveError::status(row.modified, MODIFIED)));
    }
    if let Some(missing) = row.again.iter().find(|setting| !call.params.has(setting)) {
        return Err(failing(PveError::new(format!("missing value for required option '{missing}'"))));
    }
    let gone = call.params.list("delete");
    gone.iter().try_for_each(|setting| (row.deletable)(setting)).map_err(failing)?;
    let mut entry = before.clone();
    entry.retain(|setting, _| !gone.contains(setting));
    entry.extend(given(call, row, "PUT", &row.one()));
    (row.stored)(call, Some(&before), &mut entry).map_err(failing)?;
    call.cluster.sections.insert(row.path, name, entry);
    Ok(Value::Null)
}

/// What PVE brings along is as it was at first.
fn delete(call: &mut Call<'_>) -> Result<Value, PveError> {
    let row = Row::of(call);
    call.lock(Lock::file(row.file))?;
    let name = call.params.need(row.key()).to_owned();
    if row.get(call, &name).is_none() {
        return if row.forgiving { Ok(Value::Null) } else { Err((row.missing)("DELETE", &name)) };
    }
    let removal = match row.builtin_of(&name) {
        None => (row.removed)(call, &name)?,
        Some(_) => Removal::Gone,
    };
    if matches!(removal, Removal::Gone) {
        call.cluster.sections.remove(row.path, &name);
    }
    Ok(Value::Null)
}
