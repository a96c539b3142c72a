//! Much at once: few requests in flight, one write a lock, and no lock error for the user.

use acceptance_tests::load::Load;
use acceptance_tests::{Program, Terraform, or_skip};

#[test]
fn many_objects_in_one_apply_queue_up_in_the_provider() -> anyhow::Result<()> {
    let Some(terraform) = or_skip(Terraform::find()) else { return Ok(()) };
    let borne = Load::SMALL.bear(terraform, &Program::provider()?, 50)?;
    for lock in ["ceph-pools", "domain-ha", "disks-pve1", "vm-1000"] {
        assert_eq!(borne.concurrency.at_once.get(lock), Some(&1), "{:?}", borne.concurrency);
    }
    Ok(())
}
