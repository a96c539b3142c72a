//! What the firmware and the machine of a `pve_vm` are like: machine options, what SMBIOS tells, and the disks that the firmware
//! has for itself.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use pve_client::Request;
use pve_client::api::params::Params;
use pve_client::api::qemu::config::Config;
use pve_client::api::qemu::drive::{Bus, Drive, DriveKey};
use pve_client::property_string::PropertyString;
use pve_client::size::Size;
use terraform_plugin::{Cx, Diagnostic, Findings, Nested, Path};

use super::{Vm, VmPlan};
use crate::ground::error::Problem;
use crate::ground::pve::Pve;
use crate::ground::texts;

/// What of the machine is not its type.
#[derive(Nested, Clone, Debug, Default, PartialEq)]
pub struct MachineOptions {
    /// An IOMMU for the guest: `intel` (with `q35` only), or `virtio`.
    #[attr(keep, one_of = ["intel", "virtio"])]
    pub viommu: Option<String>,
    /// How many bits an address has for the IOMMU.
    #[attr(keep, api = "aw-bits", range = 32..=64)]
    pub aw_bits: Option<u32>,
    /// The guest can sleep with its memory on (S3).
    #[attr(keep, api = "enable-s3")]
    pub enable_s3: Option<bool>,
    /// The guest can sleep with its memory on a disk (S4).
    #[attr(keep, api = "enable-s4")]
    pub enable_s4: Option<bool>,
}

/// What SMBIOS tells the guest of its machine. Its uuid is `uuid`.
#[derive(Nested, Clone, Debug, Default, PartialEq)]
pub struct Smbios {
    /// Who made it.
    #[attr(keep, length = 1..)]
    pub manufacturer: Option<String>,
    /// What it is.
    #[attr(keep, length = 1..)]
    pub product: Option<String>,
    /// Its version.
    #[attr(keep, length = 1..)]
    pub version: Option<String>,
    /// Its serial number.
    #[attr(keep, length = 1..)]
    pub serial: Option<String>,
    /// Its SKU.
    #[attr(keep, length = 1..)]
    pub sku: Option<String>,
    /// Its family.
    #[attr(keep, length = 1..)]
    pub family: Option<String>,
}

impl Smbios {
    fn parts(&self) -> [(&'static str, &Option<String>); 6] {
        [
            ("manufacturer", &self.manufacturer),
            ("product", &self.product),
            ("version", &self.version),
            ("serial", &self.serial),
            ("sku", &self.sku),
            ("family", &self.family),
        ]
    }

    fn from_live(text: Option<&String>) -> Option<Self> {
        let string: PropertyString = text?.parse().ok()?;
        let encoded = string.get("base64").is_some_and(|on| ["1", "on", "yes", "true"].contains(&on));
        let part = |name: &str| {
            let text = string.get(name)?;
            let plain = STANDARD.decode(text).ok().and_then(|bytes| String::from_utf8(bytes).ok());
            plain.filter(|_| encoded).or_else(|| Some(text.to_owned()))
        };
        let found = Self {
            manufacturer: part("manufacturer"),
            product: part("product"),
            version: part("version"),
            serial: part("serial"),
            sku: part("sku"),
            family: part("family"),
        };
        (found != Self::default()).then_some(found)
    }
}

/// What PVE is to be told of SMBIOS so that all of `want` is in it; none if it is.
pub fn smbios(want: Option<&Smbios>, live: Option<&String>) -> Option<String> {
    let want = want?;
    let is = Smbios::from_live(live).unwrap_or_default();
    if want.parts().iter().zip(is.parts()).all(|((_, want), (_, is))| want.is_none() || *want == is) {
        return None;
    }
    // What is there stays, in the one form in which any text can be.
    let mut string: PropertyString = live.and_then(|text| text.parse().ok()).unwrap_or_default();
    for ((name, want), (_, is)) in want.parts().into_iter().zip(is.parts()) {
        string.set_opt(name, want.as_ref().or(is.as_ref()).map(|text| STANDARD.encode(text)));
    }
    string.set("base64", "1");
    Some(string.to_string())
}

/// The same for a VM that is to be made with that uuid.
pub fn smbios_of_a_new_one(want: &Vm, uuid: &str) -> String {
    let chosen = format!("uuid={uuid}");
    smbios(want.smbios.as_ref(), Some(&chosen)).unwrap_or(chosen)
}

/// The same for a VM that is to be made from a backup: what is sent takes the place of what is in it, so that the rest of that is
/// sent as well.
pub async fn smbios_of_an_archive(cx: &Cx<Pve>, node: &str, archive: &str, uuid: &str) -> String {
    let request = Request::get(format!("nodes/{node}/vzdump/extractconfig")).param("volume", archive).node(node);
    match cx.client.call::<String>(request).await {
        Ok(config) => with_uuid(&config, uuid),
        Err(error) => {
            let what = "A backup does not tell what SMBIOS told";
            let detail = format!(
                "{archive}: {error}. Serial number and the like that the VM had there are lost, unless `smbios` says them; its uuid is a \
                 new one anyway."
            );
            cx.warn(Diagnostic::warning(what, detail).at("restore"));
            format!("uuid={uuid}")
        }
    }
}

/// The `smbios1` in the file of a VM with another uuid. Snapshots stand behind the VM itself.
fn with_uuid(config: &str, uuid: &str) -> String {
    let mut lines = config.lines().take_while(|line| !line.starts_with('['));
    let smbios = lines.find_map(|line| line.strip_prefix("smbios1:"));
    let mut smbios: PropertyString = smbios.and_then(|text| text.trim().parse().ok()).unwrap_or_default();
    smbios.set("uuid", uuid);
    smbios.to_string()
}

/// The disk in which UEFI keeps its settings.
#[derive(Nested, Clone, Debug, Default, PartialEq)]
pub struct EfiDisk {
    /// The storage it lies on. Needed for a new one. Set here, a change moves it; unset, it is left alone wherever it lies.
    #[attr(keep, check = texts::one_word)]
    pub storage: Option<String>,
    /// `4m`, as PVE's web interface makes it, or `2m`. Of one that is there it cannot be changed.
    #[attr(keep, usual = "2m", one_of = ["2m", "4m"])]
    pub r#type: Option<String>,
    /// Secure Boot, with the keys of Microsoft and the distributions. Of one that is there it cannot be changed.
    #[attr(keep, usual = false)]
    pub pre_enrolled_keys: Option<bool>,
}

/// The state of a TPM.
#[derive(Nested, Clone, Debug, Default, PartialEq)]
pub struct TpmState {
    /// The storage it lies on. Needed for a new one. Set here, a change moves it while the VM is stopped; unset, it is left alone
    /// wherever it lies.
    #[attr(keep, check = texts::one_word)]
    pub storage: Option<String>,
    /// `v2.0`, as Windows 11 needs it, or `v1.2`. Of one that is there it cannot be changed.
    #[attr(keep, usual = "v1.2", one_of = ["v1.2", "v2.0"])]
    pub version: Option<String>,
}

const EFI: DriveKey = DriveKey { bus: Bus::EfiDisk, index: 0 };
const TPM: DriveKey = DriveKey { bus: Bus::TpmState, index: 0 };

impl EfiDisk {
    fn from_live(drive: &Drive) -> Self {
        let keys = drive.other.get("pre-enrolled-keys").map(String::as_str);
        Self {
            storage: drive.storage().map(str::to_owned),
            r#type: Some(drive.other.get("efitype").cloned().unwrap_or_else(|| "2m".to_owned())),
            pre_enrolled_keys: Some(keys.is_some_and(|on| ["1", "on", "yes", "true"].contains(&on))),
        }
    }

    fn new_drive(&self) -> Option<Drive> {
        let mut drive = Drive::allocate(self.storage.as_deref()?, Size::from_gib(1));
        drive.other.extend(self.r#type.clone().map(|form| ("efitype".to_owned(), form)));
        drive.other.extend(self.pre_enrolled_keys.map(|on| ("pre-enrolled-keys".to_owned(), u8::from(on).to_string())));
        Some(drive)
    }
}

impl TpmState {
    fn from_live(drive: &Drive) -> Self {
        Self {
            storage: drive.storage().map(str::to_owned),
            version: Some(drive.other.get("version").cloned().unwrap_or_else(|| "v1.2".to_owned())),
        }
    }

    fn new_drive(&self) -> Option<Drive> {
        let mut drive = Drive::allocate(self.storage.as_deref()?, Size::from_gib(1));
        drive.other.extend(self.version.clone().map(|version| ("version".to_owned(), version)));
        Some(drive)
    }
}

/// Puts what the firmware has into the model.
pub fn seen(vm: &mut Vm, config: &Config, asked: Option<&Vm>) {
    vm.uuid.clone_from(&config.uuid);
    vm.smbios = Smbios::from_live(config.settings.get("smbios1")).or_else(|| {
        let asked = asked.and_then(|asked| asked.smbios.clone());
        asked.filter(|asked| *asked == Smbios::default())
    });
    vm.efi_disk = config.drives.get(&EFI).map(EfiDisk::from_live);
    vm.tpm_state = config.drives.get(&TPM).map(TpmState::from_live);
}

/// Adds what of the firmware is to be made to the parameters of a create or an update.
pub fn params(want: &Vm, live: Option<&Config>, params: Params) -> Params {
    let new = |key: DriveKey| !live.is_some_and(|live| live.drives.contains_key(&key));
    let efi = want.efi_disk.as_ref().filter(|_| new(EFI)).and_then(EfiDisk::new_drive);
    let tpm = want.tpm_state.as_ref().filter(|_| new(TPM)).and_then(TpmState::new_drive);
    let params = params.opt(EFI.to_string(), efi).opt(TPM.to_string(), tpm);
    // Of a VM that is to be made, the uuid is in it as well.
    params.opt("smbios1", live.and_then(|live| smbios(want.smbios.as_ref(), live.settings.get("smbios1"))))
}

/// The places of the firmware's disks.
pub fn path(key: DriveKey) -> Option<Path> {
    match key {
        EFI => Some(Path::attr("efi_disk")),
        TPM => Some(Path::attr("tpm_state")),
        _ => None,
    }
}

/// Those whose storage is set in the configuration.
pub fn owned(config: &VmPlan) -> Vec<String> {
    let efi = config.efi_disk.known().is_some_and(|disk| disk.storage.may_be_set());
    let tpm = config.tpm_state.known().is_some_and(|disk| disk.storage.may_be_set());
    [(efi, EFI), (tpm, TPM)].into_iter().filter(|(owned, _)| *owned).map(|(_, key)| key.to_string()).collect()
}

/// Where they are wanted.
pub fn storages(want: &Vm) -> Vec<(DriveKey, &String)> {
    let efi = want.efi_disk.as_ref().and_then(|disk| disk.storage.as_ref()).map(|storage| (EFI, storage));
    let tpm = want.tpm_state.as_ref().and_then(|disk| disk.storage.as_ref()).map(|storage| (TPM, storage));
    efi.into_iter().chain(tpm).collect()
}

/// Says what cannot be. `plan`: what is planned, of which `want` is what is known.
pub fn look(plan: &VmPlan, want: &Vm, live: Option<&Config>, found: &mut Findings<Vm>) {
    let missing = |at: &str, what: &str| {
        let detail = "Set it: the storage that it is made on. Nothing was written.";
        Problem::new(format!("{what} needs a storage"), detail).at(Path::attr(at).at("storage"))
    };
    let fixed = |at: Path, what: &str, is: &str| {
        let detail = format!(
            "It is {is}, and PVE makes no other out of it. Nothing was written. Remove it in PVE while the VM is stopped, and \
             apply again to have a new one made: what it holds is lost."
        );
        Problem::new(format!("{what} cannot be changed"), detail).at(at)
    };
    match (&want.efi_disk, live.and_then(|live| live.drives.get(&EFI)).map(EfiDisk::from_live)) {
        (Some(_), None) if plan.efi_disk.known().is_some_and(|disk| disk.storage.is_null()) => {
            found.mendable(missing("efi_disk", "A new EFI disk"));
        }
        (Some(want), Some(is)) => {
            let at = Path::attr("efi_disk");
            if want.r#type.is_some() && want.r#type != is.r#type {
                let is = is.r#type.unwrap_or_default();
                found.mendable(fixed(at.at("type"), "The type of an EFI disk", &format!("`{is}`")));
            }
            if want.pre_enrolled_keys.is_some() && want.pre_enrolled_keys != is.pre_enrolled_keys {
                let is = format!("{}", is.pre_enrolled_keys.unwrap_or_default());
                found.mendable(fixed(at.at("pre_enrolled_keys"), "Whether an EFI disk has keys", &is));
            }
        }
        _ => {}
    }
    match (&want.tpm_state, live.and_then(|live| live.drives.get(&TPM)).map(TpmState::from_live)) {
        (Some(_), None) if plan.tpm_state.known().is_some_and(|state| state.storage.is_null()) => {
            found.mendable(missing("tpm_state", "A new TPM"));
        }
        (Some(want), Some(is)) if want.version.is_some() && want.version != is.version => {
            let is = format!("`{}`", is.version.unwrap_or_default());
            found.mendable(fixed(Path::attr("tpm_state").at("version"), "The version of a TPM", &is));
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(text: &str) -> String {
        text.to_owned()
    }

    #[test]
    fn a_backup_keeps_what_smbios_tells_and_its_snapshots_tell_nothing() {
        let file = "cores: 2\nsmbios1: uuid=a-1,base64=1,serial=UyAx\nname: web\n\n[before]\nsmbios1: uuid=b-2\n";
        let told: PropertyString = with_uuid(file, "c-3").parse().unwrap();
        assert_eq!((told.get("uuid"), told.get("serial"), told.get("base64")), (Some("c-3"), Some("UyAx"), Some("1")));
        assert_eq!(with_uuid("cores: 2\n", "c-3"), "uuid=c-3");
    }

    #[test]
    fn smbios_keeps_the_uuid_and_what_is_not_asked_for() {
        let live = text("uuid=a-1,product=Box");
        let want = Smbios { serial: Some(text("S 1")), ..Smbios::default() };
        let told = smbios(Some(&want), Some(&live)).unwrap();
        assert_eq!(told, "base64=1,product=Qm94,serial=UyAx,uuid=a-1");
        let found = Smbios::from_live(Some(&told)).unwrap();
        assert_eq!((found.product.as_deref(), found.serial.as_deref()), (Some("Box"), Some("S 1")));
        assert_eq!(smbios(Some(&want), Some(&told)), None);
        assert_eq!((smbios(None, Some(&live)), Smbios::from_live(Some(&text("uuid=a-1")))), (None, None));
    }
}
