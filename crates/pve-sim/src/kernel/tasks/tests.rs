use std::time::Duration;

use super::*;

const SECOND: Duration = Duration::from_secs(1);

fn pass(cluster: &mut Cluster, seconds: u64) {
    let until = cluster.now + SECOND * u32::try_from(seconds).unwrap();
    cluster.run_until(until);
}

fn exit(cluster: &Cluster, upid: &Upid) -> Option<String> {
    cluster.tasks.find(upid).unwrap().end.as_ref().map(|(_, status)| status.clone())
}

fn holds(lock: Lock, seconds: u64) -> Steps {
    Steps::new().lock(lock).wait(SECOND * u32::try_from(seconds).unwrap())
}

#[test]
fn steps_happen_at_their_times_and_end_ok() {
    let mut cluster = Cluster::for_tests();
    let steps = Steps::new()
        .wait(SECOND * 5)
        .run(|t| {
            t.log("working");
            Ok(())
        })
        .wait(SECOND * 5);
    let upid = cluster.start_task("pve1", "root@pam", "qmstart", "100", steps);
    pass(&mut cluster, 4);
    assert!(cluster.tasks.find(&upid).unwrap().log.is_empty());
    pass(&mut cluster, 3);
    assert_eq!(cluster.tasks.find(&upid).unwrap().log, ["working"]);
    assert_eq!(exit(&cluster, &upid), None);
    pass(&mut cluster, 5);
    assert_eq!(exit(&cluster, &upid).as_deref(), Some("OK"));
    assert_eq!(cluster.tasks.find(&upid).unwrap().log, ["working", "TASK OK"]);
}

#[test]
fn warnings_and_errors_end_as_pve_has_them() {
    let mut cluster = Cluster::for_tests();
    let warned = cluster.start_task("pve1", "root@pam", "x", "", |t: &mut TaskCx<'_>| {
        t.warn("careful");
        Next::Done
    });
    let failed = cluster.start_task("pve1", "root@pam", "x", "", Steps::new().run(|_| Err("one\ntwo\n".into())));
    pass(&mut cluster, 1);
    assert_eq!(exit(&cluster, &warned).as_deref(), Some("WARNINGS: 1"));
    assert_eq!(cluster.tasks.find(&warned).unwrap().log, ["WARN: careful", "TASK WARNINGS: 1"]);
    assert_eq!(exit(&cluster, &failed).as_deref(), Some("one two"));
    assert_eq!(cluster.tasks.find(&failed).unwrap().log, ["TASK ERROR: one two"]);
}

#[test]
fn the_second_holder_waits_its_turn_and_the_third_gives_up_after_ten_seconds() {
    let mut cluster = Cluster::for_tests();
    let lock = || Lock::Vm(100);
    let first = cluster.start_task("pve1", "root@pam", "a", "", holds(lock(), 4));
    pass(&mut cluster, 1);
    let second = cluster.start_task("pve1", "root@pam", "b", "", holds(lock(), 60));
    let third = cluster.start_task("pve1", "root@pam", "c", "", holds(lock(), 1));
    pass(&mut cluster, 4);
    assert_eq!(exit(&cluster, &first).as_deref(), Some("OK"));
    assert_eq!(cluster.tasks.find(&second).unwrap().log, ["trying to acquire lock...", " OK"]);
    pass(&mut cluster, 8);
    let text = "can't lock file '/var/lock/qemu-server/lock-100.conf' - got timeout";
    assert_eq!(exit(&cluster, &third).as_deref(), Some(text));
    assert_eq!(exit(&cluster, &second), None);
}

#[test]
fn a_lock_in_the_cluster_file_system_needs_quorum() {
    let mut cluster = Cluster::for_tests();
    cluster.set_power("pve2", false);
    cluster.set_power("pve3", false);
    let upid = cluster.start_task("pve1", "root@pam", "a", "", holds(Lock::file("storage.cfg"), 1));
    pass(&mut cluster, 12);
    assert_eq!(exit(&cluster, &upid).as_deref(), Some("cfs-lock 'file-storage_cfg' error: no quorum!"));
}

#[test]
fn a_stopped_task_undoes_and_frees_its_locks() {
    let mut cluster = Cluster::for_tests();
    let steps = holds(Lock::Vm(1), 60).on_stop(|t| {
        t.log("freeing");
        "interrupted by signal".into()
    });
    let stopped = cluster.start_task("pve1", "root@pam", "a", "", steps);
    pass(&mut cluster, 1);
    cluster.stop_task(&stopped);
    cluster.stop_task(&stopped);
    assert_eq!(exit(&cluster, &stopped).as_deref(), Some("interrupted by signal"));
    assert_eq!(cluster.tasks.find(&stopped).unwrap().log, ["freeing", "TASK ERROR: interrupted by signal"]);
    assert!(!cluster.locks.is_held(&Lock::Vm(1)));
}

#[test]
fn a_dead_node_takes_its_tasks_along() {
    let mut cluster = Cluster::for_tests();
    let lost = cluster.start_task("pve2", "root@pam", "a", "", holds(Lock::Vm(1), 60));
    let stays = cluster.start_task("pve1", "root@pam", "a", "", Steps::new().wait(SECOND * 60));
    pass(&mut cluster, 1);
    cluster.set_power("pve2", false);
    assert_eq!(exit(&cluster, &lost).as_deref(), Some("unexpected status"));
    assert!(cluster.tasks.find(&lost).unwrap().log.is_empty());
    assert!(!cluster.locks.is_held(&Lock::Vm(1)));
    assert_eq!(exit(&cluster, &stays), None);
}

#[test]
fn a_fault_strikes_before_or_after_the_work() {
    let work = || {
        Box::new(Steps::new().run(|t| {
            t.log("done");
            Ok(())
        }))
    };
    let broken = || TaskEnding::Error("broken".to_owned());
    for (after_work, ending, log, status) in [
        (false, broken(), vec!["TASK ERROR: broken"], "broken"),
        (true, broken(), vec!["done", "TASK ERROR: broken"], "broken"),
        (false, TaskEnding::Vanish, vec![], "unexpected status"),
        (true, TaskEnding::Vanish, vec!["done"], "unexpected status"),
        (false, TaskEnding::Midway("broken".to_owned()), vec!["TASK ERROR: broken"], "broken"),
        (true, TaskEnding::Warning("odd".to_owned()), vec!["done", "WARN: odd", "TASK WARNINGS: 1"], "WARNINGS: 1"),
    ] {
        let mut cluster = Cluster::for_tests();
        let fault = TaskFault { ending, after_work };
        let upid = cluster.start_task_with("pve1", "root@pam", "a", String::new(), work(), Some(fault));
        pass(&mut cluster, 1);
        assert_eq!(exit(&cluster, &upid).as_deref(), Some(status));
        assert_eq!(cluster.tasks.find(&upid).unwrap().log, log);
    }
}
