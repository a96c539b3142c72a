//! `/cluster/metrics/server`: who is told the nodes' figures. Recording 53.

use serde_json::json;

use super::{PLAIN, Row};
use crate::cluster::sections::Entry;
use crate::kernel::{Call, PveError, Routes};

pub(super) static ROWS: &[Row] = &[Row {
    path: "/cluster/metrics/server",
    file: "status.cfg",
    secret: &["token"],
    exists: |name| PveError::new(format!("Metric server '{name}' already exists")),
    missing: |verb, name| match verb {
        "GET" => PveError::new(format!("status server entry '{name}' does not exist")),
        "PUT" => PveError::new(format!("no such server '{name}'")),
        _ => PveError::new(
            "cannot lookup undefined type! at /usr/share/perl5/PVE/API2/Cluster/MetricServer.pm line 295.",
        ),
    },
    deletable: |name| match name {
        // Belief: PVE/SectionConfig.pm: the option is required and cannot be taken away.
        "server" | "port" => Err(PveError::new(format!("unable to delete required option '{name}'"))),
        _ if own("graphite").chain(own("influxdb")).chain(own("opentelemetry")).any(|own| own == name) => Ok(()),
        _ => Err(PveError::new(format!("no such option '{name}'"))),
    },
    stored,
    shows: |_, _, entry, answer, alone| {
        if !alone {
            answer.insert("disable".to_owned(), entry.get("disable").cloned().unwrap_or(json!(0)));
        }
    },
    ..PLAIN
}];

pub(super) fn routes(r: &mut Routes) {
    r.get("/cluster/metrics", |_| Ok(json!([{ "name": "server" }])));
}

/// The options that a type has.
fn own(kind: &str) -> impl Iterator<Item = &'static str> {
    let more: &[&str] = match kind {
        "graphite" => &["mtu", "path", "proto", "timeout"],
        "influxdb" => &[
            "api-path-prefix",
            "bucket",
            "influxdbproto",
            "max-body-size",
            "mtu",
            "organization",
            "timeout",
            "token",
            "verify-certificate",
        ],
        _ => &[
            "otel-compression",
            "otel-headers",
            "otel-max-body-size",
            "otel-path",
            "otel-protocol",
            "otel-resource-attributes",
            "otel-timeout",
            "otel-verify-ssl",
        ],
    };
    ["disable", "port", "server", "type"].into_iter().chain(more.iter().copied())
}

/// What another type has is refused, and whoever is to be told is tried, unless it is switched off.
fn stored(call: &Call<'_>, _: Option<&Entry>, entry: &mut Entry) -> Result<(), PveError> {
    let text =
        |name: &str| entry.get(name).map(|value| value.as_str().map_or_else(|| value.to_string(), str::to_owned));
    let kind = text("type").unwrap_or_default();
    if let Some(foreign) = entry.keys().find(|name| own(&kind).all(|own| own != *name)) {
        return Err(PveError::new(format!("unexpected property '{foreign}'")));
    }
    let (server, port) = (text("server").unwrap_or_default(), text("port").unwrap_or_default());
    let is = |name: &str, value: &str| text(name).as_deref() == Some(value);
    // A node has nothing of the kind itself, and whoever does not answer does not refuse either.
    let itself = ["127.0.0.1", "::1", "localhost"].contains(&server.as_str());
    if entry.get("disable") == Some(&json!(1)) || (!itself && call.cluster.storage.answers(&server)) {
        return Ok(());
    }
    let why = if itself { "Connection refused" } else { "Connection timed out" };
    let lost = format!("500 Can't connect to {server}:{port} ({why})");
    match kind.as_str() {
        "graphite" if is("proto", "tcp") => {
            Err(PveError::new(format!("couldn't create carbon socket [{server}]:{port} - {why}")))
        }
        "influxdb" if is("influxdbproto", "http") || is("influxdbproto", "https") => Err(PveError::new(lost)),
        "opentelemetry" => Err(PveError::new(format!(
            "Connection test failed: {lost} at /usr/share/perl5/PVE/Status/OpenTelemetry.pm line 707."
        ))),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use crate::bed::Bed;
    use crate::shape::Shape;

    const ONE: &str = "/cluster/metrics/server/m1";

    #[tokio::test]
    async fn a_type_has_its_own_options_and_a_token_is_never_shown() {
        let bed = Bed::new(Shape::default());
        let graphite = [("type", "graphite"), ("server", "a.example"), ("port", "2003"), ("bucket", "b")];
        assert_eq!(bed.refusal("POST", ONE, &graphite).await, (500, "unexpected property 'bucket'".into()));
        let influx = [("type", "influxdb"), ("server", "a.example"), ("port", "8086"), ("token", "t")];
        bed.ok("POST", ONE, &influx).await;
        assert_eq!(bed.ok("GET", ONE, &[]).await, json!({"type": "influxdb", "server": "a.example", "port": 8086}));
        let away = [("server", "a.example"), ("port", "8086"), ("delete", "token")];
        bed.ok("PUT", ONE, &away).await;
        assert!(bed.world.with(|c| !c.sections.get("/cluster/metrics/server", "m1").unwrap().contains_key("token")));
        let lost = [("server", "192.0.2.7"), ("port", "8086"), ("influxdbproto", "http")];
        assert!(bed.refusal("PUT", ONE, &lost).await.1.contains("Connection timed out"));
        let off = [("server", "192.0.2.7"), ("port", "8086"), ("influxdbproto", "http"), ("disable", "1")];
        bed.ok("PUT", ONE, &off).await;
    }
}
