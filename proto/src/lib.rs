#![doc = include_str!("../README.md")]
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
