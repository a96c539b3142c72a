//! `pve_ceph_cluster`: Ceph itself, from its configuration file to its last monitor.

mod removal;

use pve_client::Error as PveError;
use pve_client::api::ceph::conf::ConfFile;
use terraform_plugin::{
    Change, Created, Cx, Deleted, Error, Failed, Findings, Model, Need, Queried, Read, Resource, Say, Seen, Timeouts,
    Unwritten, Updated,
};

use crate::ground::error::{During, Problem};
use crate::ground::pve::Pve;
use crate::ground::rights;
use crate::section::{Family, OwnRight, Section, life};

/// Ceph on the nodes of a PVE cluster: its configuration file, its id, its networks. There is one at the most.
///
/// What it is made of comes after it: at least one `pve_ceph_monitor`, then managers and OSDs. All of them say
/// `depends_on = [pve_ceph_cluster.NAME]`, or are reached by something that does, so that Terraform makes and removes them in
/// the right order.
///
/// PVE does not remove the last monitor by itself. A `pve_ceph_monitor` that is the last one is left to this object when it is
/// destroyed, and goes with it: `pveceph purge`, on the monitor's node, takes away the monitor, the managers, the
/// configuration and the keys. That runs in PVE's terminal, which takes the login of `root@pam`, and is refused as long as there
/// are OSDs, pools, metadata servers or other monitors, or where Ceph does not answer, so that nobody knows. The pool that the
/// managers make for themselves is removed by it. Packages stay.
///
/// Ceph that exists already is not taken over; the error prints the `import` block.
#[derive(Model, Clone, Debug, Default, PartialEq)]
#[model(name = "ceph_cluster", area = "Ceph", key(id))]
pub struct CephCluster {
    /// Always `ceph`.
    #[attr(default = "ceph", replace, one_of = ["ceph"])]
    pub id: String,
    /// The node on which it is initialised. Unset: any that has Ceph's packages.
    #[attr(local, length = 1..)]
    pub node: Option<String>,
    /// The network, in CIDR notation, on which monitors and OSDs are reached, such as `10.0.0.0/24`. A monitor takes the address
    /// that its node has there, and keeps it: as long as there are monitors, it cannot be changed. PVE cannot take it away again.
    ///
    /// Left alone when unset: monitors then take the addresses that their nodes have in the PVE cluster.
    #[attr(keep, length = ..=128, check = network)]
    pub network: Option<String>,
    /// The network on which OSDs copy data among each other; takes `network`. An OSD goes over to another one when it is
    /// restarted.
    ///
    /// Left alone when unset: the same as `network`.
    #[attr(keep, length = ..=128, check = network)]
    pub cluster_network: Option<String>,
    /// The id that it gave itself.
    #[attr(computed)]
    pub fsid: Option<String>,
    /// How long operations may take.
    #[attr(timeouts(create = "5m", update = "5m", delete = "15m"))]
    pub timeouts: Timeouts,
}

/// Its one id.
pub const ID: &str = "ceph";

fn network(text: &String) -> Result<(), String> {
    let fits = |(address, bits): (&str, &str)| {
        let address: std::net::IpAddr = address.parse().ok()?;
        let most = if address.is_ipv4() { 32 } else { 128 };
        (bits.parse::<u8>().ok()? <= most).then_some(())
    };
    match text.split_once('/').and_then(fits) {
        Some(()) => Ok(()),
        None => Err("must be a network in CIDR notation, such as `10.0.0.0/24`".to_owned()),
    }
}

/// Whether Ceph is not there: not initialised, or installed on no node that could tell.
pub fn is_missing(error: &PveError) -> bool {
    matches!(error, PveError::NotInstalled(_) | PveError::NotInitialised(_))
}

/// Ceph's configuration file; none if there is none. That no node has the packages is an error: nobody can tell then.
async fn conf(cx: &Cx<Pve>) -> Result<Option<ConfFile>, Problem> {
    match cx.client.ceph().conf().await {
        Ok(conf) => Ok(Some(conf)),
        Err(PveError::NotInitialised(_)) => Ok(None),
        Err(error) => Err(error).during("Cannot read Ceph's configuration"),
    }
}

fn not_installed(problem: &Problem) -> bool {
    matches!(problem.pve(), Some(PveError::NotInstalled(_)))
}

impl CephCluster {
    fn of(conf: &ConfFile) -> Self {
        let value = |key: &str| conf.get("global", key).map(str::to_owned);
        Self {
            id: ID.to_owned(),
            network: value("public_network"),
            cluster_network: value("cluster_network"),
            fsid: value("fsid"),
            ..Self::default()
        }
    }

    async fn init(&self, cx: &Cx<Pve>, doing: &str) -> Result<(), Problem> {
        let node = match &self.node {
            Some(node) => node.clone(),
            None => {
                let with = cx.client.ceph().installed().await.during(doing)?;
                with.into_keys().next().ok_or_else(|| no_packages(None).unsent())?
            }
        };
        let sent = cx.client.ceph().init(&node, self.network.as_deref(), self.cluster_network.as_deref()).await;
        sent.during(doing).map_err(Problem::node_at_fault).map_err(|problem| {
            problem.with_attributes(|parameter| match parameter {
                "network" => Some("network".into()),
                "cluster-network" => Some("cluster_network".into()),
                "node" => Some("node".into()),
                _ => None,
            })
        })
    }
}

/// The error that the packages are not there.
fn no_packages(node: Option<&str>) -> Problem {
    let (summary, cure) = match node {
        Some(node) => (format!("Ceph is not installed on node {node}"), "there"),
        None => ("Ceph is installed on no node that answers".to_owned(), "on a node"),
    };
    let problem = Problem::new(
        summary,
        format!(
            "Nothing was written. Install its packages {cure} first (`pve_ceph_install`, or the node's Ceph page)."
        ),
    );
    if node.is_some() { problem.at("node") } else { problem }
}

impl Section for CephCluster {
    const FAMILY: Family = Family { what: "Ceph cluster", ..Family::PLAIN };

    const LEFT_OUT: &'static [(&'static str, &'static str)] = &[
        ("size, min_size", "each `pve_ceph_pool` says its own; PVE can never change these defaults"),
        ("disable_cephx", "whoever reaches the network could read and write everything"),
        ("pg_bits", "PVE ignores it"),
    ];

    fn needs() -> Vec<Need> {
        let destroy = Need::to_apply("/", &[]);
        vec![Need::to_plan("/", &["Sys.Audit"]), Need::to_apply("/", &["Sys.Modify"]), destroy]
    }

    fn write(_key: &CephClusterKey) -> Vec<OwnRight> {
        vec![OwnRight { path: "/".to_owned(), any: &["Sys.Modify"] }]
    }

    fn sight(_key: &CephClusterKey) -> Option<OwnRight> {
        None
    }

    fn validate(config: &CephClusterPlan, say: &mut Say<Self>) {
        if config.network.is_null() && config.cluster_network.text().is_some() {
            say.error(
                "cluster_network",
                "A network for the OSDs alone takes `network` too",
                "PVE takes `cluster_network` only together with `network`, which says where monitors and OSDs are reached.",
            );
        }
    }

    async fn planned(cx: &Cx<Pve>, change: &mut Change<Self>, say: &mut Say<Self>) {
        if change.is_destroy() {
            rights::warn_shell(cx, say, "id", "Removals of Ceph");
        }
    }

    /// Before the packages are there, nobody can tell; nothing is then written either.
    async fn find(cx: &Cx<Pve>, _key: &CephClusterKey) -> Result<Option<Self>, Problem> {
        match conf(cx).await {
            Ok(conf) => Ok(conf.as_ref().map(Self::of)),
            Err(problem) if not_installed(&problem) => Ok(None),
            Err(problem) => Err(problem),
        }
    }

    async fn make(cx: &Cx<Pve>, want: &Self) -> Result<Self, Problem> {
        want.init(cx, "Cannot initialise Ceph").await?;
        Ok(want.clone())
    }

    /// PVE writes the networks into the file that is there, and keeps the rest.
    async fn change(cx: &Cx<Pve>, _prior: &Self, want: &Self) -> Result<Self, Problem> {
        const DOING: &str = "Cannot change Ceph's networks";
        let sent = want.init(cx, DOING).await;
        match (conf(cx).await?, sent) {
            (None, _) => Err(Problem::new(DOING, "Ceph's configuration is gone: somebody removed it meanwhile.")),
            // An answer that was lost does not matter if it is done.
            (Some(conf), sent) => {
                let live = Self::of(&conf);
                match sent {
                    Err(problem) if !Self::agrees(want, &live) => Err(problem),
                    _ => Ok(live),
                }
            }
        }
    }

    fn agrees(want: &Self, live: &Self) -> bool {
        let same = |want: &Option<String>, live: &Option<String>| want.is_none() || want == live;
        same(&want.network, &live.network) && same(&want.cluster_network, &live.cluster_network)
    }

    async fn possible(
        cx: &Cx<Pve>,
        want: &CephClusterPlan,
        prior: Option<&Self>,
        found: &mut Findings<Self>,
    ) -> Result<(), Error> {
        packages(cx, want, found).await?;
        match prior {
            None => Ok(()),
            Some(prior) => networks(cx, want, prior, found).await,
        }
    }

    async fn removable(cx: &Cx<Pve>, was: &Self, found: &mut Findings<Self>) -> Result<(), Error> {
        removal::removable(cx, was, found).await
    }
}

/// Whether the packages are there by then.
async fn packages(cx: &Cx<Pve>, want: &CephClusterPlan, found: &mut Findings<CephCluster>) -> Result<(), Error> {
    let status = cx.client.cluster().status().await.during("Cannot list the cluster's nodes")?;
    let with = cx.client.ceph().installed().await.during("Cannot see where Ceph is installed")?;
    let comes = |node: &str| cx.comes("ceph_install", node);
    match want.node.text() {
        Some(node) if status.member(node).is_none() => {
            let names: Vec<&str> = status.members.iter().map(|member| member.name.as_str()).collect();
            let detail = format!("Its nodes: {}. Nothing was written.", names.join(", "));
            found.mendable(Problem::new(format!("The cluster has no node \"{node}\""), detail).at("node"));
        }
        Some(node) if !with.contains_key(node) => found.missing(comes(node), no_packages(Some(node))),
        None if want.node.is_null() && with.is_empty() => {
            let coming = status.members.iter().any(|member| comes(&member.name));
            found.missing(coming, no_packages(None));
        }
        _ => {}
    }
    Ok(())
}

/// What another network does to those that have addresses in this one.
async fn networks(
    cx: &Cx<Pve>,
    want: &CephClusterPlan,
    prior: &CephCluster,
    found: &mut Findings<CephCluster>,
) -> Result<(), Error> {
    let moves = |want: Option<&str>, was: &Option<String>| want.is_some_and(|want| was.as_deref() != Some(want));
    if moves(want.network.text(), &prior.network) {
        let monitors = cx.client.ceph().monitors().await.during("Cannot list the monitors of Ceph")?;
        if !monitors.is_empty() {
            let has = |monitor: &pve_client::api::ceph::services::Monitor| match &monitor.addr {
                Some(addr) => format!("{} ({addr})", monitor.name),
                None => monitor.name.clone(),
            };
            let all: Vec<String> = monitors.iter().map(has).collect();
            let problem = Problem::new(
                "Ceph's monitors keep their addresses",
                format!(
                    "There are {}, and PVE would only write another network into the configuration: monitors would be sought where \
                     they are not. Nothing was written. Ceph's own documentation tells how monitors are given other addresses.",
                    all.join(", ")
                ),
            );
            found.mendable(problem.at("network"));
        }
    }
    if moves(want.cluster_network.text(), &prior.cluster_network) {
        found.notice(Problem::new(
            "OSDs go over to another network when they are restarted",
            "Until then they copy data on the one that they were started with. Restart them one node after the other, and have \
             each OSD reach the others on both networks meanwhile.",
        ));
    }
    Ok(())
}

impl Resource<Pve> for CephCluster {
    fn needs() -> Vec<Need> {
        <Self as Section>::needs()
    }

    fn left_out() -> &'static [(&'static str, &'static str)] {
        Self::LEFT_OUT
    }

    fn validate(config: &CephClusterPlan, say: &mut Say<Self>) {
        <Self as Section>::validate(config, say);
    }

    async fn plan(cx: &Cx<Pve>, change: &mut Change<Self>, say: &mut Say<Self>) {
        life::plan(cx, change, say).await;
    }

    async fn possible(
        cx: &Cx<Pve>,
        want: &CephClusterPlan,
        prior: Option<&Self>,
        found: &mut Findings<Self>,
    ) -> Result<(), Error> {
        life::possible(cx, want, prior, found).await
    }

    async fn removable(cx: &Cx<Pve>, was: &Self, found: &mut Findings<Self>) -> Result<(), Error> {
        <Self as Section>::removable(cx, was, found).await
    }

    async fn create(cx: &Cx<Pve>, want: &Self, unwritten: Unwritten<Self>) -> Result<Created<Self>, Failed> {
        life::create(cx, want, unwritten).await
    }

    async fn read(cx: &Cx<Pve>, key: &CephClusterKey, prior: Option<&Self>) -> Result<Read<Self>, Error> {
        // Where nobody could tell, nothing is gone. (The next one finds the answer of this one.)
        if let Err(problem) = conf(cx).await
            && not_installed(&problem)
        {
            let why = "Its packages are gone, or are being installed, so that nobody can read its configuration.";
            return Ok(Read::unreachable("Ceph is installed on no node that answers", why));
        }
        life::read(cx, key, prior).await
    }

    async fn update(cx: &Cx<Pve>, prior: &Self, want: &Self) -> Result<Updated<Self>, Error> {
        life::update(cx, prior, want).await
    }

    async fn delete(cx: &Cx<Pve>, was: &Self) -> Result<Deleted<Self>, Error> {
        removal::remove(cx, was).await
    }
}

impl Queried<Pve> for CephCluster {
    async fn seek(cx: &Cx<Pve>) -> Result<Vec<Seen<Self>>, Error> {
        let found = Self::find(cx, &CephClusterKey { id: ID.to_owned() }).await?;
        Ok(found.into_iter().map(Seen::whole).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::network;

    #[test]
    fn a_network_has_an_address_and_a_length() {
        for good in ["10.0.0.0/24", "2001:db8::/64", "10.0.0.1/32"] {
            assert_eq!(network(&good.to_owned()), Ok(()), "{good}");
        }
        for bad in ["10.0.0.0", "10.0.0/24", "10.0.0.0/33", "x/24", "2001:db8::/129", "10.0.0.0/24, 10.1.0.0/24"] {
            assert!(network(&bad.to_owned()).is_err(), "{bad}");
        }
    }
}
