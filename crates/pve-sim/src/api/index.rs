//! Folders of PVE's tree that list what is in them: the schema says it all.

use serde_json::{Map, Value, json};

use crate::kernel::schema;
use crate::kernel::{Call, PveError, Routes};

/// Folders whose list was recorded and is exactly what the schema has below them, with the key they name it by. (Some
/// other folders list only a part.)
const FOLDERS: &[(&str, &str)] = &[
    ("/cluster", "name"),
    ("/nodes/{node}/ceph", "name"),
    ("/nodes/{node}/ceph/cfg", "name"),
    ("/nodes/{node}/ceph/pool/{name}", "name"),
    ("/nodes/{node}/storage/{storage}", "subdir"),
];

/// PVE lists these behind others that the alphabet puts after them.
const BEHIND: [(&str, &str); 3] = [("identity", "import-metadata"), ("nextid", "notifications"), ("sdn", "tasks")];

pub(crate) fn routes(r: &mut Routes) {
    for (folder, _) in FOLDERS {
        r.get(folder, list);
    }
    r.get("/nodes/{node}/disks", disks);
}

fn list(call: &mut Call<'_>) -> Result<Value, PveError> {
    let key = FOLDERS.iter().find(|(folder, _)| *folder == call.path).map_or("name", |(_, key)| key);
    let below = schema::methods().iter().filter_map(|method| {
        let rest = method.path.strip_prefix(call.path)?.strip_prefix('/')?;
        rest.split('/').next()
    });
    let mut names: Vec<&str> = below.collect::<std::collections::BTreeSet<&str>>().into_iter().collect();
    for (name, other) in BEHIND {
        let at = |wanted: &str| names.iter().position(|name| *name == wanted);
        if let (Some(from), Some(_)) = (at(name), at(other)) {
            let name = names.remove(from);
            let to = names.iter().position(|known| *known == other).map_or(names.len(), |other| other + 1);
            names.insert(to, name);
        }
    }
    Ok(names.into_iter().map(|name| Value::Object(Map::from_iter([(key.to_owned(), name.into())]))).collect())
}

/// This one has an order of its own.
fn disks(_: &mut Call<'_>) -> Result<Value, PveError> {
    let names = ["list", "initgpt", "smart", "lvm", "lvmthin", "directory", "wipedisk", "zfs"];
    Ok(names.into_iter().map(|name| json!({ "name": name })).collect())
}
