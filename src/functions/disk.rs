//! `disk_object` and `disk_string`: a disk as it stands in a VM's configuration, and back.

use std::collections::BTreeMap;

use pve_client::api::qemu::drive::Drive;
use pve_client::size::Size as Bytes;
use terraform_plugin::value::Value;
use terraform_plugin::{Function, FunctionError, Nested, Object, Path, Raw, Size};

/// Takes a disk apart as it stands in a VM's configuration: `ceph:vm-100-disk-0,discard=on,iothread=1,size=32G`.
///
/// `disk_string` is the way back.
#[derive(Nested, Clone)]
pub struct DiskObject {
    /// The disk's line, without the `scsi0:` before it.
    #[attr(required)]
    pub text: String,
}

/// A disk. What it leaves to PVE is null.
#[derive(Nested, Clone, Debug, Default, PartialEq)]
pub struct Parts {
    /// The volume: `STORAGE:NAME`, `none` for an empty drive, or a path on the node.
    #[attr(optional)]
    pub volume: Option<String>,
    /// The storage that it lies on. Null for an empty drive and for a path.
    #[attr(optional)]
    pub storage: Option<String>,
    /// Its size, such as `32G`.
    #[attr(optional)]
    pub size: Option<Size>,
    /// Cache mode.
    #[attr(optional)]
    pub cache: Option<String>,
    /// Whether freed blocks are given back to the storage.
    #[attr(optional)]
    pub discard: Option<bool>,
    /// Whether it has a thread of its own for I/O.
    #[attr(optional)]
    pub iothread: Option<bool>,
    /// Whether the guest sees an SSD.
    #[attr(optional)]
    pub ssd: Option<bool>,
    /// `disk` or `cdrom`.
    #[attr(optional)]
    pub media: Option<String>,
    /// The format of a volume that is about to be made.
    #[attr(optional)]
    pub format: Option<String>,
    /// Everything else, as it stands.
    #[attr(optional)]
    pub other: Option<BTreeMap<String, String>>,
}

impl Function for DiskObject {
    const NAME: &'static str = "disk_object";
    type Returns = Parts;

    fn call(self) -> Result<Parts, FunctionError> {
        let drive: Drive = self.text.parse().map_err(|error| {
            FunctionError::new(format!("It is no disk of a VM's configuration: {error}.")).at("text")
        })?;
        Ok(Parts {
            storage: drive.storage().map(str::to_owned),
            volume: Some(drive.volume),
            size: drive.size.map(|size| Size::from_bytes(size.bytes())),
            cache: drive.cache,
            discard: drive.discard,
            iothread: drive.iothread,
            ssd: drive.ssd,
            media: drive.media,
            format: drive.format,
            other: Some(drive.other).filter(|other| !other.is_empty()),
        })
    }
}

/// Puts a disk together as it stands in a VM's configuration, and as `qm set` and PVE's API take it.
///
/// A volume that exists is named by `volume`. With `storage` and `size` instead it is one that PVE makes, of whole GiB, when the
/// text is written into a configuration: `{ storage = "ceph", size = "32G" }` is `ceph:32`.
#[derive(Nested, Clone)]
pub struct DiskString {
    /// The disk: an object with any of `volume`, `storage`, `size`, `cache`, `discard`, `iothread`, `ssd`, `media`, `format` and
    /// `other` (a map of whatever else PVE knows), such as `disk_object` answers. What is null is left out.
    #[attr(required)]
    pub disk: Raw,
}

impl Function for DiskString {
    const NAME: &'static str = "disk_string";
    type Returns = String;

    fn call(self) -> Result<String, FunctionError> {
        let parts = self.parts()?;
        let wrong = |attribute: &str, text: String| {
            FunctionError::new(format!("disk.{attribute} {text}")).at(Path::attr("disk").at(attribute))
        };
        let (volume, size) = match (parts.volume, parts.storage, parts.size) {
            (Some(volume), storage, size) => {
                let named = Drive::volume(volume.clone());
                if let Some(storage) = storage.filter(|storage| named.storage() != Some(storage.as_str())) {
                    return Err(wrong("storage", format!("is {storage}, and the volume {volume} does not lie there.")));
                }
                (volume, size)
            }
            (None, Some(storage), Some(size)) => {
                let size = Bytes::from_bytes(size.bytes());
                if size.bytes() == 0 || !size.bytes().is_multiple_of(1 << 30) {
                    return Err(wrong("size", "must be whole GiB where PVE is to make the volume.".to_owned()));
                }
                (Drive::allocate(&storage, size).volume, None)
            }
            _ => return Err(wrong("volume", "must be set, or storage and size for a volume to be made.".to_owned())),
        };
        let drive = Drive {
            volume,
            size: size.map(|size| Bytes::from_bytes(size.bytes())),
            cache: parts.cache,
            discard: parts.discard,
            iothread: parts.iothread,
            ssd: parts.ssd,
            media: parts.media,
            format: parts.format,
            other: parts.other.unwrap_or_default(),
        };
        let texts = [&drive.cache, &drive.media, &drive.format].into_iter().flatten();
        let texts = texts.chain(drive.other.iter().flat_map(|(key, value)| [key, value])).chain([&drive.volume]);
        if let Some(text) = texts.into_iter().find(|text| text.is_empty() || text.contains(',')) {
            return Err(
                FunctionError::new(format!("PVE has no way to write \"{text}\" into a disk's line.")).at("disk")
            );
        }
        let text = drive.to_string();
        match text.parse::<Drive>() {
            Ok(again) if again == drive => Ok(text),
            _ => Err(FunctionError::new(format!("PVE would read \"{text}\" otherwise than it is meant.")).at("disk")),
        }
    }
}

impl DiskString {
    fn parts(&self) -> Result<Parts, FunctionError> {
        let wrong = |text: String| FunctionError::new(text).at("disk");
        let given = match self.disk.0.bare() {
            Value::Object(given) | Value::Map(given) => given,
            other => return Err(wrong(format!("disk must be an object, not {other}."))),
        };
        let known = Parts::attributes();
        if let Some(name) = given.keys().find(|name| !known.iter().any(|attribute| attribute.name == **name)) {
            let all = known.iter().map(|attribute| attribute.name.as_str()).collect::<Vec<_>>().join(", ");
            return Err(wrong(format!(
                "A disk has no {name}: there are {all}. What else PVE knows goes into other = {{ {name} = .. }}."
            )));
        }
        // A literal object is no map, and its values are of any type.
        let given = given
            .iter()
            .map(|(name, value)| (name.clone(), if name == "other" { as_map(value) } else { value.bare().clone() }));
        Parts::decode(&given.collect()).map_err(|fault| wrong(format!("disk.{fault}.")))
    }
}

/// Numbers and booleans as PVE writes them.
fn as_map(value: &Value) -> Value {
    match value.bare() {
        Value::Object(entries) | Value::Map(entries) => {
            let text = |value: &Value| match value.bare() {
                Value::Bool(on) => Value::from(if *on { "1" } else { "0" }),
                Value::Number(number) => Value::from(number.to_string()),
                other => other.clone(),
            };
            let entries = entries.iter().filter(|(_, value)| !value.is_null());
            Value::Map(entries.map(|(key, value)| (key.clone(), text(value))).collect())
        }
        other => other.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(disk: Value) -> Result<String, FunctionError> {
        DiskString { disk: Raw(disk) }.call()
    }

    #[test]
    fn recorded_disks_come_back_as_they_were() {
        for line in [
            "d1:200/vm-200-disk-0.raw,discard=on,iothread=1,size=1G,ssd=1",
            "local-lvm:vm-100-disk-0,cache=writeback,discard=ignore,size=32G",
            "none,media=cdrom",
            "local:iso/debian.iso,media=cdrom,size=376M",
            "a:b,mbps_rd=1.000,serial=x,size=528K",
        ] {
            let parts = DiskObject { text: line.to_owned() }.call().unwrap();
            assert_eq!(text(Value::Object(parts.encode())).as_deref(), Ok(line));
        }
        let parts = DiskObject { text: "ceph:vm-100-disk-0,iothread=1,size=32G".to_owned() }.call().unwrap();
        assert_eq!((parts.storage.as_deref(), parts.iothread, parts.discard), (Some("ceph"), Some(true), None));
    }

    #[test]
    fn a_new_volume_is_its_storage_and_whole_gib() {
        let other = Value::object([("backup", Value::from(false)), ("serial", "x".into()), ("ro", Value::Null)]);
        let new =
            Value::object([("storage", "ceph".into()), ("size", "32G".into()), ("ssd", true.into()), ("other", other)]);
        assert_eq!(text(new).as_deref(), Ok("ceph:32,backup=0,serial=x,ssd=1"));
    }

    #[test]
    fn what_is_no_disk_says_what_is_wrong_with_it() {
        let object = |entries: &[(&str, Value)]| text(Value::object(entries.iter().cloned())).unwrap_err();
        for (error, says) in [
            (object(&[("size", "32G".into())]), "disk.volume must be set"),
            (object(&[("storage", "a".into()), ("size", "512M".into())]), "whole GiB"),
            (object(&[("storage", "a".into()), ("volume", "b:c".into())]), "does not lie there"),
            (object(&[("volume", "a:b".into()), ("iops", 5.into())]), "no iops"),
            (object(&[("volume", "a:b".into()), ("ssd", "maybe".into())]), "disk.ssd must be true or false"),
            (object(&[("volume", "a:b,ssd=1".into())]), "no way to write"),
            (text("a:b".into()).unwrap_err(), "must be an object"),
        ] {
            assert!(error.text().contains(says), "{error}");
            assert_eq!(error.path().steps()[0], terraform_plugin::Step::Attribute("disk".to_owned()));
        }
        let error = DiskObject { text: "ssd=1".to_owned() }.call().unwrap_err();
        assert_eq!(error.path().to_string(), "text");
    }
}
