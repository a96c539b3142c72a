//! `pve_ticket`: opened for the length of a run, from the password alone.

use serde_json::json;

use super::super::work::Work;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_ticket_is_handed_out_and_nothing_is_written_or_stored() {
    let work = Work::of("{}").await;
    let (username, password) = (work.bench.sim.username.clone(), work.bench.sim.password.clone());
    let before = work.site.state();
    let opened = work.bench.core.open("pve_ticket", json!({"username": username, "password": password}), 1).await;
    let (ticket, said) = opened.unwrap();
    assert!(ticket.get("ticket").as_str().is_some_and(|ticket| ticket.starts_with("PVE:root@pam:")), "{ticket:?}");
    assert!(ticket.get("csrf_token").as_str().is_some_and(|token| token.contains(':')));
    assert!(ticket.get("expires").as_str().is_some_and(|end| end.ends_with('Z')));
    // At its end Terraform asks for a renewal, which there is none of.
    assert!(said.warnings.iter().any(|said| said.summary == "The ticket of root@pam ends within a minute"), "{said}");
    assert_eq!(work.site.state(), before);

    let wrong = json!({"username": work.bench.sim.username, "password": "wrong"});
    let said = work.bench.core.open("pve_ticket", wrong, 0).await.unwrap_err();
    assert!(said.to_string().contains("There is no ticket for root@pam"), "{said}");
    let said = work.bench.core.open("pve_ticket", json!({"username": "root", "password": "x"}), 0).await.unwrap_err();
    assert!(said.to_string().contains("root@pam"), "{said}");
}
