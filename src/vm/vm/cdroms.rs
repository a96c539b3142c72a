//! The CD-ROM drives of a `pve_vm`.

use std::collections::BTreeMap;

use pve_client::api::params::Params;
use pve_client::api::qemu::config::Config;
use pve_client::api::qemu::drive::{Bus, Drive, DriveKey};
use terraform_plugin::{Findings, Nested, Path, Say};

use super::{Vm, VmPlan};
use crate::ground::error::Problem;
use crate::ground::texts;

/// A CD-ROM drive.
#[derive(Nested, Clone, Debug, Default, PartialEq)]
pub struct Cdrom {
    /// What is in it: an ISO image such as `local:iso/debian.iso`, `none`, or `physical` for the node's own drive. A change takes
    /// effect at once. Left alone when unset (a new drive: `none`).
    #[attr(keep, usual = "none", check = medium)]
    pub file: Option<String>,
}

fn medium(text: &String) -> Result<(), String> {
    texts::one_tidy_line(text)?;
    match text.contains(':') || ["none", "physical"].contains(&text.as_str()) {
        _ if text.contains(',') => Err("must be a volume without options".to_owned()),
        true => Ok(()),
        false => Err("must be a volume such as `local:iso/debian.iso`, `none`, or `physical`".to_owned()),
    }
}

/// PVE's word for the node's own drive.
const PHYSICAL: &str = "cdrom";

impl Cdrom {
    fn from_live(drive: &Drive) -> Self {
        let file = if drive.volume == PHYSICAL { "physical" } else { &drive.volume };
        Self { file: Some(file.to_owned()) }
    }

    fn volume(&self) -> &str {
        match self.file.as_deref() {
            Some("physical") => PHYSICAL,
            Some(file) => file,
            None => "none",
        }
    }
}

/// The place of a drive.
pub fn path(name: &str) -> Path {
    Path::attr("cdroms").key(name)
}

/// The interface of that name, if it can be a CD-ROM drive's.
fn key(name: &str) -> Option<DriveKey> {
    name.parse().ok().filter(|key: &DriveKey| matches!(key.bus, Bus::Ide | Bus::Sata | Bus::Scsi))
}

/// The drives of a configuration.
pub fn from_live(config: &Config) -> BTreeMap<String, Cdrom> {
    let drives = config.drives.iter().filter(|(key, drive)| key.is_attached() && drive.is_cdrom());
    drives.map(|(key, drive)| (key.to_string(), Cdrom::from_live(drive))).collect()
}

/// What is wrong with the configuration whatever there is.
pub fn validate(config: &VmPlan, say: &mut Say<Vm>) {
    for name in config.cdroms.known().into_iter().flat_map(BTreeMap::keys) {
        if key(name).is_none() {
            let what = format!("\"{name}\" is none of ide0 to ide3, sata0 to sata5, scsi0 to scsi30.");
            say.error(path(name), "No interface for a CD-ROM drive", what);
        }
        if config.disks.known().is_some_and(|disks| disks.contains_key(name)) {
            let cure = "Only one of them can be there: choose another interface for one of them.";
            say.error(path(name), format!("{name} is in `disks` as well"), cure);
        }
    }
}

/// Looks whether a drive's place is taken by something else.
pub fn look(want: &Vm, live: Option<&Config>, found: &mut Findings<Vm>) {
    let wanted = want.cdroms.iter().flatten().filter_map(|(name, _)| key(name));
    for key in wanted {
        if let Some(drive) = live.and_then(|live| live.drives.get(&key)).filter(|drive| !drive.is_cdrom()) {
            let problem = Problem::new(
                format!("{key} is taken by {}", drive.volume),
                "That is no CD-ROM drive; nothing was written. Choose another interface.",
            );
            found.mendable(problem.at(path(&key.to_string())));
        }
    }
}

/// Adds new, changed and removed drives to the parameters of a create or an update.
pub fn params(want: &Vm, prior: Option<&Vm>, live: Option<&Config>, mut params: Params) -> Params {
    let Some(drives) = &want.cdroms else { return params };
    for (name, drive) in drives {
        let Some(key) = key(name) else { continue };
        let is = live.and_then(|live| live.drives.get(&key));
        if is.is_some_and(|is| drive.file.is_none() || is.volume == drive.volume()) {
            continue;
        }
        // What else is set of it is kept; the size was the other image's.
        let wanted = Drive {
            volume: drive.volume().to_owned(),
            media: Some("cdrom".to_owned()),
            size: None,
            ..is.cloned().unwrap_or_default()
        };
        params = params.drive(key, &wanted);
    }
    for key in removed(want, prior, live) {
        params = params.remove(key.to_string());
    }
    params
}

/// The drives that were there, are there, and are not wanted any more.
pub fn removed(want: &Vm, prior: Option<&Vm>, live: Option<&Config>) -> Vec<DriveKey> {
    let (Some(drives), Some(before)) = (&want.cdroms, prior.and_then(|prior| prior.cdroms.as_ref())) else {
        return Vec::new();
    };
    let gone = before.keys().filter(|name| !drives.contains_key(*name)).filter_map(|name| key(name));
    gone.filter(|key| live.is_some_and(|live| live.drives.get(key).is_some_and(Drive::is_cdrom))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(text: &str) -> Config {
        Config::read(BTreeMap::from([("ide2".to_owned(), text.to_owned())]))
    }

    fn vm(file: &str) -> Vm {
        let drive = Cdrom { file: Some(file.to_owned()) };
        Vm { cdroms: Some(BTreeMap::from([("ide2".to_owned(), drive)])), ..Vm::default() }
    }

    #[test]
    fn a_medium_is_changed_and_the_rest_stays() {
        let live = config("local:iso/a.iso,media=cdrom,size=4M");
        assert_eq!(Some(from_live(&live)), vm("local:iso/a.iso").cdroms);
        assert!(params(&vm("local:iso/a.iso"), None, Some(&live), Params::new()).is_empty());
        let told = params(&vm("physical"), None, Some(&live), Params::new());
        assert_eq!(told, Params::new().set("ide2", "cdrom,media=cdrom"));
        assert_eq!(Some(from_live(&config("cdrom,media=cdrom"))), vm("physical").cdroms);
        let none = Vm { cdroms: Some(BTreeMap::new()), ..Vm::default() };
        assert_eq!(params(&none, Some(&vm("none")), Some(&live), Params::new()), Params::new().remove("ide2"));
        assert!(params(&none, None, Some(&live), Params::new()).is_empty(), "what was never ours stays");
        assert!(from_live(&config("local:100/vm-100-cloudinit.qcow2,media=cdrom")).is_empty());
    }
}
