//! What lies in the archives that containers are made from.

use std::collections::BTreeMap;

/// What an OCI image says of itself.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Image {
    /// Entrypoint and Cmd, as one line.
    pub entrypoint: Option<String>,
    /// Env, as `NAME=value`.
    pub env: Vec<String>,
    /// WorkingDir.
    pub cwd: Option<String>,
    /// The system inside, if an os-release tells: `debian`.
    pub os: Option<String>,
}

impl Image {
    /// An image of which nobody has told anything: that of a web server.
    pub fn usual() -> Self {
        Image {
            entrypoint: Some("/docker-entrypoint.sh nginx -g daemon off;".to_owned()),
            env: vec!["PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin".to_owned()],
            cwd: None,
            os: Some("debian".to_owned()),
        }
    }
}

/// What is known of archives, by volume id. Those of backups lie with their storage.
#[derive(Debug, Default)]
pub struct Archives {
    /// OCI images. A file `.tar` that is not here is a usual one.
    pub images: BTreeMap<String, Image>,
}

/// What an archive is.
#[derive(Debug, Clone)]
pub(super) enum Archive {
    /// The files of a system.
    Template {
        /// As PVE detects it.
        ostype: String,
        /// As PVE detects it.
        arch: String,
    },
    /// An OCI image.
    Image(Image),
}

impl Archives {
    /// What lies in a template: by what is known, else by its name.
    pub(super) fn template(&self, volid: &str) -> Archive {
        if let Some(image) = self.images.get(volid) {
            return Archive::Image(image.clone());
        }
        let file = volid.rsplit('/').next().unwrap_or(volid);
        if file.ends_with(".tar") {
            return Archive::Image(Image::usual());
        }
        const SYSTEMS: [&str; 9] =
            ["devuan", "ubuntu", "centos", "fedora", "opensuse", "archlinux", "alpine", "gentoo", "nixos"];
        let ostype = SYSTEMS.iter().find(|system| file.contains(*system)).copied().unwrap_or("debian");
        let arch = ["arm64", "armhf", "i386", "riscv64"].into_iter().find(|arch| file.contains(arch));
        Archive::Template { ostype: ostype.to_owned(), arch: arch.unwrap_or("amd64").to_owned() }
    }
}
