//! Terraform's plugin protocol 6.11 and the helper services that go-plugin hosts expect beside it, as Rust types,
//! gRPC servers, and clients for tests.
//!
//! Generated from the files in `proto/`. Messages, and the service [`provider_server::Provider`], are at the root of
//! this crate. Bytes are [`bytes::Bytes`] and maps are ordered, so that what is encoded is deterministic. An RPC that a
//! server leaves out answers UNIMPLEMENTED, which is how the protocol says "not offered".
//!
//! Older and newer minor versions of the protocol differ by fields only, so this version works with all of them.

// Terraform's dead fields stay in the descriptors; the generated code touches them.
#![allow(deprecated)]

tonic::include_proto!("tfplugin6");

/// go-plugin's own services: controller, stdio, broker.
pub mod plugin {
    tonic::include_proto!("plugin");
}

/// gRPC's standard health check.
pub mod health {
    tonic::include_proto!("grpc.health.v1");
}
