//! Compiles the .proto files with protox, so that no protoc is needed.

use std::path::{Path, PathBuf};

use protox::prost::Message;

/// Roots of the import graph; everything else is imported by these.
const FILES: [&str; 5] = [
    "tfplugin6/provider.proto",
    "go_plugin/controller.proto",
    "go_plugin/stdio.proto",
    "go_plugin/broker.proto",
    "grpc_health/health.proto",
];

fn main() -> Result<(), Box<dyn std::error::Error>> {
    println!("cargo:rerun-if-changed=proto");
    let descriptors = protox::compile(FILES, ["proto"])?;
    // Read by the test that compares the compiled protocol with the tables.
    let out = PathBuf::from(std::env::var("OUT_DIR")?);
    std::fs::write(out.join(Path::new("descriptors.bin")), descriptors.encode_to_vec())?;
    tonic_prost_build::configure()
        .build_transport(false)
        .generate_default_stubs(true)
        .bytes(".")
        .btree_map(".")
        .compile_fds(descriptors)?;
    Ok(())
}
