//! The processor types that QEMU knows, as PVE lists them.

use serde_json::{Value, json};

/// All of them, for those who choose one.
pub fn list() -> Value {
    let entry = |name: &&str| {
        let mut entry = json!({ "name": name, "custom": 0, "vendor": vendor(name) });
        if name.starts_with("x86-64") {
            entry["abstract"] = json!(1);
        }
        entry
    };
    TYPES.iter().map(entry).collect()
}

fn vendor(name: &str) -> &'static str {
    let begins = |with: &[&str]| with.iter().any(|with| name.starts_with(with));
    match name {
        "host" | "max" => "default",
        _ if begins(&["kvm", "qemu", "x86-64"]) => "default",
        _ if begins(&["EPYC", "Opteron", "athlon", "phenom"]) => "AuthenticAMD",
        _ => "GenuineIntel",
    }
}

/// Checks the type in a guest's `cpu`, `host` or `cputype=host,flags=+aes`.
///
/// # Errors
/// PVE's text for a type that is not there.
pub fn check(text: &str) -> Result<(), String> {
    let parts = text.split(',').filter_map(|part| match part.split_once('=') {
        None => Some(part),
        Some(("cputype", name)) => Some(name),
        Some(_) => None,
    });
    for name in parts {
        // Belief: the text; no type of one's own can be defined here.
        if let Some(own) = name.strip_prefix("custom-") {
            return Err(format!("Custom cputype '{own}' not found"));
        }
        if !TYPES.contains(&name) {
            return Err(format!("Built-in cputype '{name}' is not defined (missing 'custom-' prefix?)"));
        }
    }
    Ok(())
}

const TYPES: [&str; 94] = [
    "486",
    "Broadwell",
    "Broadwell-IBRS",
    "Broadwell-noTSX",
    "Broadwell-noTSX-IBRS",
    "Cascadelake-Server",
    "Cascadelake-Server-noTSX",
    "Cascadelake-Server-v2",
    "Cascadelake-Server-v4",
    "Cascadelake-Server-v5",
    "ClearwaterForest",
    "Conroe",
    "Cooperlake",
    "Cooperlake-v2",
    "EPYC",
    "EPYC-Genoa",
    "EPYC-Genoa-v2",
    "EPYC-IBPB",
    "EPYC-Milan",
    "EPYC-Milan-v2",
    "EPYC-Milan-v3",
    "EPYC-Rome",
    "EPYC-Rome-v2",
    "EPYC-Rome-v3",
    "EPYC-Rome-v4",
    "EPYC-Rome-v5",
    "EPYC-Turin",
    "EPYC-v3",
    "EPYC-v4",
    "EPYC-v5",
    "GraniteRapids",
    "GraniteRapids-v2",
    "GraniteRapids-v3",
    "Haswell",
    "Haswell-IBRS",
    "Haswell-noTSX",
    "Haswell-noTSX-IBRS",
    "Icelake-Client",
    "Icelake-Client-noTSX",
    "Icelake-Server",
    "Icelake-Server-noTSX",
    "Icelake-Server-v3",
    "Icelake-Server-v4",
    "Icelake-Server-v5",
    "Icelake-Server-v6",
    "Icelake-Server-v7",
    "IvyBridge",
    "IvyBridge-IBRS",
    "KnightsMill",
    "Nehalem",
    "Nehalem-IBRS",
    "Opteron_G1",
    "Opteron_G2",
    "Opteron_G3",
    "Opteron_G4",
    "Opteron_G5",
    "Penryn",
    "SandyBridge",
    "SandyBridge-IBRS",
    "SapphireRapids",
    "SapphireRapids-v2",
    "SapphireRapids-v3",
    "SapphireRapids-v4",
    "SierraForest",
    "SierraForest-v2",
    "SierraForest-v3",
    "Skylake-Client",
    "Skylake-Client-IBRS",
    "Skylake-Client-noTSX-IBRS",
    "Skylake-Client-v4",
    "Skylake-Server",
    "Skylake-Server-IBRS",
    "Skylake-Server-noTSX-IBRS",
    "Skylake-Server-v4",
    "Skylake-Server-v5",
    "Westmere",
    "Westmere-IBRS",
    "athlon",
    "core2duo",
    "coreduo",
    "host",
    "kvm32",
    "kvm64",
    "max",
    "pentium",
    "pentium2",
    "pentium3",
    "phenom",
    "qemu32",
    "qemu64",
    "x86-64-v2",
    "x86-64-v2-AES",
    "x86-64-v3",
    "x86-64-v4",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn types_are_known_by_name_with_and_without_their_key() {
        assert_eq!(check("x86-64-v2-AES"), Ok(()));
        assert_eq!(check("cputype=host,flags=+aes"), Ok(()));
        let text = "Built-in cputype 'nosuchcpu' is not defined (missing 'custom-' prefix?)";
        assert_eq!(check("nosuchcpu,hidden=1"), Err(text.to_owned()));
    }
}
