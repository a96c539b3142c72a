//! A cabinet: drawers in every nesting mode.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use terraform_plugin::{
    Created, Cx, Deleted, Error, Failed, Model, Nested, Queried, Read, Resource, Seen, Unwritten, Updated,
};

use crate::shelf::Shelf;

const KIND: &str = "cabinet";

/// A drawer.
#[derive(Nested, Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(crate) struct Drawer {
    /// What is written on it.
    #[attr(required)]
    pub label: String,
    /// Width in centimetres.
    #[attr(optional, range = 1..=200)]
    pub width: Option<i64>,
    /// Whether it is locked.
    #[attr(default = false)]
    pub locked: bool,
    /// Its serial number.
    #[attr(computed)]
    pub serial: Option<String>,
}

/// A cabinet on the shelf.
#[derive(Model, Clone, Debug, PartialEq, Serialize, Deserialize)]
#[model(name = "cabinet", area = "Shelf", key(room, name))]
pub(crate) struct Cabinet {
    /// The room it stands in.
    #[attr(required, replace)]
    pub room: String,
    /// Name within the room.
    #[attr(required, replace)]
    pub name: String,
    /// The drawer at the top.
    #[attr(optional)]
    pub top: Option<Drawer>,
    /// Drawers from left to right.
    #[attr(optional)]
    pub row: Option<Vec<Drawer>>,
    /// Drawers in no order.
    #[attr(optional)]
    pub loose: Option<BTreeSet<Drawer>>,
    /// Drawers by what they hold.
    #[attr(optional)]
    pub by_content: Option<BTreeMap<String, Drawer>>,
    /// Words to find it by.
    #[attr(optional)]
    pub tags: Option<BTreeSet<String>>,
}

impl Cabinet {
    fn file(room: &str, name: &str) -> String {
        format!("{room}.{name}")
    }

    /// Gives every drawer its serial number, which never changes.
    fn built(&self) -> Self {
        let build = |drawer: &Drawer| Drawer {
            serial: drawer.serial.clone().or_else(|| Some(format!("{}/{}/{}", self.room, self.name, drawer.label))),
            ..drawer.clone()
        };
        Self {
            top: self.top.as_ref().map(build),
            row: self.row.as_ref().map(|row| row.iter().map(build).collect()),
            loose: self.loose.as_ref().map(|loose| loose.iter().map(build).collect()),
            by_content: self.by_content.as_ref().map(|all| all.iter().map(|(k, d)| (k.clone(), build(d))).collect()),
            ..self.clone()
        }
    }
}

impl Resource<Shelf> for Cabinet {
    async fn create(cx: &Cx<Shelf>, want: &Self, unwritten: Unwritten<Self>) -> Result<Created<Self>, Failed> {
        let built = want.built();
        let file = Self::file(&want.room, &want.name);
        let (answer, written) = unwritten.send(built.clone(), cx.add(KIND, &file, &built)).await?;
        Ok(match answer {
            Ok(()) => written.made(built),
            Err(error) => written.leave(error),
        })
    }

    async fn read(cx: &Cx<Shelf>, key: &CabinetKey, _: Option<&Self>) -> Result<Read<Self>, Error> {
        let found = cx.get(KIND, &Self::file(&key.room, &key.name)).await?;
        Ok(found.map_or(Read::Gone, Read::Found))
    }

    async fn update(cx: &Cx<Shelf>, _: &Self, want: &Self) -> Result<Updated<Self>, Error> {
        let built = want.built();
        cx.put(KIND, &Self::file(&want.room, &want.name), &built).await?;
        Ok(Updated::Done(built))
    }

    async fn delete(cx: &Cx<Shelf>, was: &Self) -> Result<Deleted<Self>, Error> {
        cx.remove(KIND, &Self::file(&was.room, &was.name)).await?;
        Ok(Deleted::Gone)
    }
}

impl Queried<Shelf> for Cabinet {
    async fn seek(cx: &Cx<Shelf>) -> Result<Vec<Seen<Self>>, Error> {
        let mut all = Vec::new();
        for file in cx.names(KIND).await? {
            all.push(match cx.get::<Self>(KIND, &file).await {
                Ok(Some(cabinet)) => Seen::whole(cabinet),
                Ok(None) => continue,
                Err(error) => Seen::Missed(error.into()),
            });
        }
        Ok(all)
    }
}
