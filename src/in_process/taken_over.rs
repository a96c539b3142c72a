//! What a run that was cut off has made, and what merely looks like it: the journal beside Terraform's data must name it,
//! PVE must confirm it (its task, where there is one), and what is configured must agree. Everything else is told with its
//! `import` block. With a real Terraform, two of these cases are in the acceptance tests.

use std::time::Duration;

use pve_sim::shape::Shape;
use serde_json::{Value as Json, json};
use terraform_core::{Config, Diagnostics};

use super::lives::{Bench, provider_block};

const SHAPE: &str = include_str!("../../acceptance-tests/tests/written/taken_over.yaml");

/// An object: how it is written, and what of it can be configured otherwise.
struct Case {
    address: &'static str,
    path: &'static str,
    usual: &'static str,
    otherwise: &'static str,
    /// Whether only root can make it, so that no other user can have.
    root: bool,
}

const CASES: &[Case] = &[
    Case {
        address: "pve_ceph_pool.this",
        path: "/nodes/*/ceph/pool",
        usual: "name = \"vm\"",
        otherwise: "pg_num = 16",
        root: false,
    },
    Case {
        address: "pve_vm.this",
        path: "/nodes/*/qemu",
        usual: "vmid = 300\nnode = \"pve2\"\nname = \"web\"\nmemory = 512",
        otherwise: "cores = 2",
        root: false,
    },
    Case {
        address: "pve_ceph_osd.this",
        path: "/nodes/*/ceph/osd",
        usual: "node = \"pve1\"\ndevice = { serial = \"SIM0102\" }",
        otherwise: "encrypted = true",
        root: true,
    },
    Case {
        address: "pve_storage_rbd.this",
        path: "/storage",
        usual: "storage = \"images\"\npool = \"rbd\"",
        otherwise: "krbd = true",
        root: false,
    },
    Case {
        address: "pve_pool.this",
        path: "/pools",
        usual: "poolid = \"team\"\ncomment = \"ours\"",
        otherwise: "",
        root: false,
    },
    Case {
        address: "pve_ha_resource.this",
        path: "/cluster/ha/resources",
        usual: "sid = \"vm:200\"\nstate = \"started\"",
        otherwise: "max_restart = 3",
        root: false,
    },
];

impl Case {
    /// Whether PVE makes it in a task, which tells who began it.
    fn has_task(&self) -> bool {
        self.path.starts_with("/nodes/")
    }

    fn text(&self, more: &str) -> String {
        let (kind, name) = self.address.split_once('.').unwrap();
        format!("resource \"{kind}\" \"{name}\" {{\n{}\n{more}\n}}\n", self.usual)
    }

    fn config(&self) -> Config {
        Config::from_hcl(&self.text("")).unwrap()
    }

    /// The cluster, and the state of a run whose provider was killed when PVE had made the object.
    async fn cut_off(&self) -> Bench {
        let mut bench = Bench::of(Shape::from_yaml(SHAPE).unwrap()).await;
        let fault =
            json!({ "match": { "method": "POST", "path": self.path }, "when": "after", "effect": { "hold": true } });
        bench.sim.world.control("POST", "/faults", &fault).unwrap();
        bench.killed(async |core| core.apply(&self.config()).await).await.unwrap_err();
        assert_eq!(bench.fault()["seen"], 1, "{}", self.address);
        bench.sim.world.control("DELETE", "/faults", &Json::Null).unwrap();
        assert!(bench.core.state.is_empty(), "a provider that was killed has nothing to say");
        // It is recorded when it has been let go.
        while bench.writes().is_empty() {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
        bench.forget();
        bench
    }

    /// Not taken over, nothing written, and told how to import it.
    fn told(&self, bench: &Bench, end: Result<(), Diagnostics>) {
        let (kind, _) = self.address.split_once('.').unwrap();
        let said = end.unwrap_err().to_string();
        assert!(said.contains("exists already") && said.contains(&format!("to = {kind}.this")), "{said}");
        assert_eq!(bench.writes(), [""; 0], "{}", self.address);
        assert!(bench.core.state.is_empty(), "{}", self.address);
    }
}

const ANOTHER: &str = "resource \"pve_pool\" \"another\" {\n  poolid = \"another\"\n}\n";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_killed_run_has_made_is_taken_over_with_a_warning() {
    for case in CASES {
        let mut bench = case.cut_off().await;
        let applied = bench.core.apply(&case.config()).await.unwrap_or_else(|said| panic!("{}: {said}", case.address));
        let warned = |one: &terraform_core::Diagnostic| one.summary.contains("What exists already is taken for ours");
        assert!(applied.warnings.iter().any(warned), "{}: {:?}", case.address, applied.warnings);
        assert_eq!(bench.writes(), [""; 0], "{}", case.address);
        assert_ne!(bench.core.state.get(case.address).unwrap().get("ready"), false.into(), "{}", case.address);
        assert!(bench.core.plan(&case.config()).await.unwrap().is_empty(), "{}", case.address);
        // The entry is struck out once the state is seen to hold the object.
        let both = Config::from_hcl(&format!("{}{ANOTHER}", case.text(""))).unwrap();
        bench.core.apply(&both).await.unwrap_or_else(|said| panic!("{}: {said}", case.address));
        assert_eq!(std::fs::read_dir(bench.data.path().join("pve-journal")).unwrap().count(), 1, "{}", case.address);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_configured_otherwise_is_not_taken_over() {
    for case in CASES {
        let mut bench = case.cut_off().await;
        // Until the task has ended, its end is waited for.
        bench.at_rest();
        let other = case.text(case.otherwise).replace("\"ours\"", "\"theirs\"");
        let end = bench.core.apply(&Config::from_hcl(&other).unwrap()).await;
        case.told(&bench, end.map(drop));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_the_journal_does_not_name_is_not_taken_over() {
    for case in CASES {
        let mut bench = case.cut_off().await;
        bench.at_rest();
        // Another checkout: the same user and token, and a state that never was about to make it.
        std::fs::remove_dir_all(bench.data.path().join("pve-journal")).unwrap();
        let end = bench.core.apply(&case.config()).await;
        case.told(&bench, end.map(drop));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_somebody_else_has_made_is_not_taken_over() {
    for case in CASES.iter().filter(|case| !case.root && case.has_task()) {
        let mut bench = case.cut_off().await;
        bench.at_rest();
        // The token has made it; now root comes with the password.
        let mut block = provider_block(&bench.sim);
        block["api_token"] = Json::Null;
        bench.core.configure(block);
        let end = bench.core.apply(&case.config()).await;
        case.told(&bench, end.map(drop));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_blocks_for_one_object_do_not_share_it() {
    for case in CASES.iter().filter(|case| !case.root) {
        let mut bench = Bench::of(Shape::from_yaml(SHAPE).unwrap()).await;
        let twice = case.text("").replace("\"this\"", "\"other\"");
        let both = Config::from_hcl(&format!("{}{twice}", case.text(""))).unwrap();
        let said = bench.core.apply(&both).await.unwrap_err().to_string();
        assert!(said.contains("already"), "{said}");
        assert_eq!(bench.core.state.instances.len(), 1, "{}", case.address);
    }
}
