//! What a plan knows of PVE's own doing: two ways to say the same, and settings that PVE changes along with others.

use terraform_plugin::{Attr, Change, Say};

use super::firmware::MachineOptions;
use super::processor::CpuOptions;
use super::settings::{CPU, MACHINE, is_pinned};
use super::{Vm, VmPlan, worded};

/// What is wrong with the configuration whatever there is.
pub fn validate(config: &VmPlan, say: &mut Say<Vm>) {
    let both = [
        ("cpu", config.cpu.text(), config.cpu_options.is_known()),
        ("machine", config.machine.text(), config.machine_options.is_known()),
    ];
    for (name, text, beside) in both {
        if text.is_some_and(worded::is_whole) && beside {
            say.error(
                format!("{name}_options").as_str(),
                format!("`{name}` has options in its text, and there is `{name}_options`"),
                format!("Say them in one place: leave the type alone in `{name}`, or leave `{name}_options` out."),
            );
        }
    }
}

/// Plans what comes of it.
pub fn plan(change: &mut Change<Vm>) {
    two_ways(change);
    pinned(change);
    boots_otherwise(change);
}

/// A text that says all of it, where the state has the word and the rest apart (an import), or the other way round.
fn two_ways(change: &mut Change<Vm>) {
    let prior = change.prior.as_ref();
    if let Some(whole) = change.config.cpu.text().filter(|text| worded::is_whole(text)) {
        let (word, beside) = (prior.and_then(|vm| vm.cpu.as_ref()), prior.and_then(|vm| vm.cpu_options.as_ref()));
        let same = beside.is_some() && worded::same::<CpuOptions>(whole, CPU, word, beside);
        match word.filter(|_| same) {
            Some(word) => change.plan.cpu = Attr::Known(word.clone()),
            None => change.plan.cpu_options = Attr::Null,
        }
    }
    if let Some(whole) = change.config.machine.text().filter(|text| worded::is_whole(text)) {
        let (word, beside) =
            (prior.and_then(|vm| vm.machine.as_ref()), prior.and_then(|vm| vm.machine_options.as_ref()));
        let same = beside.is_some() && worded::same::<MachineOptions>(whole, MACHINE, word, beside);
        match word.filter(|_| same) {
            Some(word) => change.plan.machine = Attr::Known(word.clone()),
            None => change.plan.machine_options = Attr::Null,
        }
    }
}

/// PVE chooses a version for the machine of a Windows: what was asked for without one is that, and what is left alone changes when
/// a guest becomes a Windows.
fn pinned(change: &mut Change<Vm>) {
    let Some(prior) = &change.prior else { return };
    let windows = |kind: Option<&str>| kind.is_some_and(|kind| kind.starts_with('w'));
    let (was, will) = (prior.options.os_type.as_deref(), change.plan.options.os_type.text());
    match (change.config.machine.text(), &prior.machine) {
        (Some(asked), Some(is)) if windows(will) && is_pinned(is, asked) => {
            change.plan.machine = Attr::Known(is.clone())
        }
        (None, _) if change.config.machine.is_null() && windows(will) && !windows(was) => {
            change.plan.machine = Attr::Unknown
        }
        _ => {}
    }
}

/// PVE takes devices that go out of the boot order, and puts new CD-ROM drives at its end.
fn boots_otherwise(change: &mut Change<Vm>) {
    if !change.config.hardware.boot_order.is_null() || change.prior.is_none() {
        return;
    }
    let others = change.changed(|vm| &vm.disks)
        || change.changed(|vm| &vm.cdroms)
        || change.changed(|vm| &vm.networks)
        || change.changed(|vm| &vm.cloud_init);
    if others {
        change.plan.hardware.boot_order = Attr::Unknown;
    }
}
