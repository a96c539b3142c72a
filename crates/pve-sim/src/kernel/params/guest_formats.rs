//! The keys of the property strings of a guest's configuration that the schema calls by a name only.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use super::formats::keys_of;
use super::property::Keys;

// Belief: all of them, from what qemu-server 9.2 declares (pve-behaviour 3, 1.5): the schema of the calls has their names.
const ALL: &[(&str, &[(&str, &str)])] = &[
    (
        "pve-qemu-tdx-fmt",
        &[
            ("type", r#"{"type": "string", "enum": ["tdx"], "default_key": 1}"#),
            ("attestation", r#"{"type": "boolean"}"#),
            ("vsock-cid", r#"{"type": "integer", "minimum": 2, "optional": 1}"#),
            ("vsock-port", r#"{"type": "integer", "minimum": 0, "optional": 1}"#),
        ],
    ),
    (
        "pve-qm-watchdog",
        &[
            ("model", r#"{"type": "string", "enum": ["i6300esb", "ib700"], "optional": 1, "default_key": 1}"#),
            (
                "action",
                r#"{"type": "string", "enum": ["reset", "shutdown", "poweroff", "pause", "debug", "none"], "optional": 1}"#,
            ),
        ],
    ),
    (
        "pve-qm-rng",
        &[
            (
                "source",
                r#"{"type": "string", "enum": ["/dev/urandom", "/dev/random", "/dev/hwrng"], "default_key": 1}"#,
            ),
            ("max_bytes", r#"{"type": "integer", "optional": 1}"#),
            ("period", r#"{"type": "integer", "optional": 1}"#),
        ],
    ),
    (
        "pve-qm-smbios1",
        &[
            (
                "uuid",
                r#"{"type": "string", "pattern": "[a-fA-F0-9]{8}(?:-[a-fA-F0-9]{4}){3}-[a-fA-F0-9]{12}", "optional": 1}"#,
            ),
            ("version", r#"{"type": "string", "pattern": "[A-Za-z0-9+\\/]+={0,2}", "optional": 1}"#),
            ("serial", r#"{"type": "string", "pattern": "[A-Za-z0-9+\\/]+={0,2}", "optional": 1}"#),
            ("manufacturer", r#"{"type": "string", "pattern": "[A-Za-z0-9+\\/]+={0,2}", "optional": 1}"#),
            ("product", r#"{"type": "string", "pattern": "[A-Za-z0-9+\\/]+={0,2}", "optional": 1}"#),
            ("sku", r#"{"type": "string", "pattern": "[A-Za-z0-9+\\/]+={0,2}", "optional": 1}"#),
            ("family", r#"{"type": "string", "pattern": "[A-Za-z0-9+\\/]+={0,2}", "optional": 1}"#),
            ("base64", r#"{"type": "boolean", "optional": 1}"#),
        ],
    ),
    (
        "pve-qm-hostpci",
        &[
            ("host", r#"{"type": "string", "optional": 1, "default_key": 1}"#),
            ("mapping", r#"{"type": "string", "format": "pve-configid", "optional": 1}"#),
            ("pcie", r#"{"type": "boolean", "optional": 1}"#),
            ("rombar", r#"{"type": "boolean", "optional": 1}"#),
            ("romfile", r#"{"type": "string", "pattern": "[^,;]+", "optional": 1}"#),
            ("x-vga", r#"{"type": "boolean", "optional": 1}"#),
            ("legacy-igd", r#"{"type": "boolean", "optional": 1}"#),
            ("mdev", r#"{"type": "string", "pattern": "[^/\\.:]+", "optional": 1}"#),
            ("vendor-id", r#"{"type": "string", "pattern": "0x[0-9a-fA-F]{4}", "optional": 1}"#),
            ("device-id", r#"{"type": "string", "pattern": "0x[0-9a-fA-F]{4}", "optional": 1}"#),
            ("sub-vendor-id", r#"{"type": "string", "pattern": "0x[0-9a-fA-F]{4}", "optional": 1}"#),
            ("sub-device-id", r#"{"type": "string", "pattern": "0x[0-9a-fA-F]{4}", "optional": 1}"#),
            ("driver", r#"{"type": "string", "enum": ["vfio", "keep"], "optional": 1}"#),
        ],
    ),
    (
        "pve-qm-cicustom",
        &[
            ("meta", r#"{"type": "string", "format": "pve-volume-id", "optional": 1}"#),
            ("network", r#"{"type": "string", "format": "pve-volume-id", "optional": 1}"#),
            ("user", r#"{"type": "string", "format": "pve-volume-id", "optional": 1}"#),
            ("vendor", r#"{"type": "string", "format": "pve-volume-id", "optional": 1}"#),
        ],
    ),
    (
        "pve-vm-cpu-conf",
        &[
            ("cputype", r#"{"type": "string", "optional": 1, "default_key": 1}"#),
            ("reported-model", r#"{"type": "string", "optional": 1}"#),
            ("hidden", r#"{"type": "boolean", "optional": 1}"#),
            ("hv-vendor-id", r#"{"type": "string", "pattern": "[a-zA-Z0-9]{1,12}", "optional": 1}"#),
            (
                "flags",
                r#"{"type": "string", "pattern": "[+-][a-zA-Z0-9\\-_\\.]+(;[+-][a-zA-Z0-9\\-_\\.]+)*", "optional": 1}"#,
            ),
            ("phys-bits", r#"{"type": "string", "optional": 1}"#),
            ("guest-phys-bits", r#"{"type": "integer", "minimum": 32, "maximum": 64, "optional": 1}"#),
            ("level", r#"{"type": "integer", "minimum": 0, "optional": 1}"#),
        ],
    ),
];

/// The keys of one of them.
pub fn keys(format: &str) -> Option<&'static Keys> {
    static READ: LazyLock<BTreeMap<&'static str, Keys>> =
        LazyLock::new(|| ALL.iter().map(|(name, keys)| (*name, keys_of(keys.iter().copied()))).collect());
    READ.get(format)
}

#[cfg(test)]
mod tests {
    use super::super::formats::check;
    use super::*;

    #[test]
    fn they_are_read_and_take_what_pve_takes() {
        for (name, _) in ALL {
            assert!(keys(name).is_some_and(|keys| !keys.is_empty()), "{name}");
        }
        for (format, good, bad) in [
            ("pve-qm-watchdog", "i6300esb,action=reset", "model=none"),
            ("pve-qm-rng", "/dev/urandom,max_bytes=0", "max_bytes=1"),
            ("pve-qm-smbios1", "uuid=9bf7b5a6-9a3c-4f0e-8e51-000000000001,serial=QQ==,base64=1", "serial=S 1"),
            ("pve-qm-hostpci", "mapping=gpu,pcie=1", "gpu,vendor-id=12"),
            ("pve-qm-cicustom", "user=local:snippets/u.yaml", "user=u.yaml"),
            ("pve-vm-cpu-conf", "host,flags=+aes;-pcid", "host,flags=aes"),
        ] {
            assert_eq!(check("x", format, good), Ok(()), "{good}");
            assert!(check("x", format, bad).is_err(), "{bad}");
        }
    }
}
