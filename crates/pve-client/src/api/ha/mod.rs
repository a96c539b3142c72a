//! High availability.

pub mod resource;
pub mod rule;
pub mod status;

use std::sync::Arc;

use crate::api::params::Params;
use crate::{Area, Client, Error, Lock, Request};
use resource::{HaResource, Sid};
use rule::{HaGroup, HaRule};
use status::{HaStatus, ManagerStatus};

/// `/cluster/ha`.
#[derive(Clone, Copy)]
pub struct Ha<'a> {
    client: &'a Client,
}

impl<'a> Ha<'a> {
    pub(super) fn new(client: &'a Client) -> Self {
        Self { client }
    }

    /// All HA resources; needs Sys.Audit on `/`, so the list is complete. `GET /cluster/ha/resources`
    pub async fn resources(&self) -> Result<Arc<Vec<HaResource>>, Error> {
        self.client.shared(Area::Ha, Request::get("cluster/ha/resources")).await
    }

    /// A resource, from the list of [`Ha::resources`].
    pub async fn resource(&self, sid: Sid) -> Result<Option<HaResource>, Error> {
        Ok(self.resources().await?.iter().find(|resource| resource.sid == sid).cloned())
    }

    /// Puts a guest under HA. Without a state it is `started`, and a stopped guest is started.
    /// `POST /cluster/ha/resources`
    pub async fn create(&self, sid: Sid, params: &Params) -> Result<(), Error> {
        let request = params.onto(Request::post("cluster/ha/resources").param("sid", sid));
        self.client.write::<()>(Lock::Ha, AREAS, request).await
    }

    /// Changes a resource. In HA's `error` state only `state=disabled` is accepted. `PUT /cluster/ha/resources/{sid}`
    pub async fn update(&self, sid: Sid, params: &Params) -> Result<(), Error> {
        let request = params.onto(Request::put(format!("cluster/ha/resources/{sid}")));
        self.client.write::<()>(Lock::Ha, AREAS, request).await
    }

    /// Takes a guest out of HA; it goes on running or being stopped. With `purge` (PVE's own default, so it is always
    /// sent) it is taken out of all rules too, and rules left empty are deleted. Before 9.1 PVE does not know the word, and
    /// leaves rules alone.
    /// `DELETE /cluster/ha/resources/{sid}`
    pub async fn delete(&self, sid: Sid, purge: bool) -> Result<(), Error> {
        let request = || Request::delete(format!("cluster/ha/resources/{sid}"));
        let sent = self.client.write::<()>(Lock::Ha, AREAS, request().flag("purge", purge)).await;
        match sent {
            Err(Error::Parameter(refused)) if !purge && refused.fields.contains_key("purge") => {
                self.client.write::<()>(Lock::Ha, AREAS, request()).await
            }
            sent => sent,
        }
    }

    /// All rules, in PVE's order; none before PVE 9, which has [`Ha::groups`]. `GET /cluster/ha/rules`
    pub async fn rules(&self) -> Result<Arc<Vec<HaRule>>, Error> {
        self.client.shared(Area::Ha, Request::get("cluster/ha/rules")).await
    }

    /// The groups of PVE 8; none once they have become rules, as those of every fresh PVE 9 have. `GET /cluster/ha/groups`
    pub async fn groups(&self) -> Result<Option<Arc<Vec<HaGroup>>>, Error> {
        match self.client.shared(Area::Ha, Request::get("cluster/ha/groups")).await {
            Err(error) if error.to_string().contains("have been migrated to rules") => Ok(None),
            groups => groups.map(Some),
        }
    }

    /// What HA does at this moment. `GET /cluster/ha/status/current`
    pub async fn status(&self) -> Result<Arc<HaStatus>, Error> {
        self.client.shared(Area::Ha, Request::get("cluster/ha/status/current")).await
    }

    /// The manager's own notes: nodes' states, failed nodes of a service. `GET /cluster/ha/status/manager_status`
    pub async fn manager_status(&self) -> Result<Arc<ManagerStatus>, Error> {
        self.client.shared(Area::Ha, Request::get("cluster/ha/status/manager_status")).await
    }
}

/// What changes with HA's configuration: also where guests are and whether they run.
const AREAS: &[Area] = &[Area::Ha, Area::Guests];
