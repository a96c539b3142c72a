//! The one line on stdout that tells the host where and how to connect.

use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;

/// Version of go-plugin's handshake itself.
const CORE: u8 = 1;
/// Major version of Terraform's protocol; the minor one is never negotiated.
const PROTOCOL: u8 = 6;

/// What the host has to know about brokered connections.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Transport {
    /// It has not asked.
    Plain,
    /// It asked; they are not multiplexed here. (A provider never opens one.)
    NotMultiplexed,
}

/// `1|6|unix|PATH|grpc|CERTIFICATE`, with the newline. The certificate is DER, in base64 without padding, which Go
/// refuses; empty without TLS.
pub(super) fn line(socket: &Path, certificate: Option<&[u8]>, transport: Transport) -> String {
    let certificate = certificate.map(|der| STANDARD_NO_PAD.encode(der)).unwrap_or_default();
    let multiplexed = match transport {
        Transport::Plain => "",
        Transport::NotMultiplexed => "|false",
    };
    format!("{CORE}|{PROTOCOL}|unix|{}|grpc|{certificate}{multiplexed}\n", socket.display())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn six_fields_and_no_padding() {
        // 0 to 3 bytes of padding would be needed by these.
        for length in [60, 61, 62] {
            let der = vec![0xff; length];
            let line = line(Path::new("/tmp/x/s"), Some(&der), Transport::Plain);
            let fields: Vec<_> = line.strip_suffix('\n').unwrap().split('|').collect();
            assert_eq!(fields[..5], ["1", "6", "unix", "/tmp/x/s", "grpc"]);
            assert_eq!(STANDARD_NO_PAD.decode(fields[5]).unwrap(), der);
            assert_eq!(fields.len(), 6);
        }
    }

    #[test]
    fn no_tls_leaves_the_last_field_empty() {
        assert_eq!(line(Path::new("/s"), None, Transport::Plain), "1|6|unix|/s|grpc|\n");
        assert_eq!(line(Path::new("/s"), None, Transport::NotMultiplexed), "1|6|unix|/s|grpc||false\n");
    }
}
