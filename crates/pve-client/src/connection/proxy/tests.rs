//! Which proxy leads where. That they are gone through is shown beside the dialling.

use super::*;

fn environment(variables: &[(&str, &str)]) -> Proxies {
    Proxies::of_environment(|name| variables.iter().find(|(n, _)| *n == name).map(|(_, value)| (*value).to_owned()))
}

fn shown(proxies: &Proxies, host: &str) -> Option<String> {
    proxies.to(host).unwrap().map(|via| via.to_string())
}

#[test]
fn the_environment_names_the_proxy() {
    for (variables, expected) in [
        (&[][..], None),
        (&[("HTTPS_PROXY", "http://p:3128")], Some("http://p:3128")),
        (&[("https_proxy", "http://p:3128/")], Some("http://p:3128")),
        (&[("ALL_PROXY", "socks5h://p:1080")], Some("socks5h://p:1080")),
        (&[("all_proxy", "socks5://p:1080")], Some("socks5://p:1080")),
        // As others take it.
        (&[("HTTPS_PROXY", " p:3128 ")], Some("http://p:3128")),
        (&[("ALL_PROXY", "http://all"), ("https_proxy", "http://ours")], Some("http://ours")),
        (&[("HTTPS_PROXY", ""), ("ALL_PROXY", "http://all")], Some("http://all")),
        // That is for http://, which PVE does not speak.
        (&[("HTTP_PROXY", "http://p")], None),
        (&[("HTTPS_PROXY", "http://p"), ("NO_PROXY", "*")], None),
        (&[("HTTPS_PROXY", "http://p"), ("no_proxy", "example.com")], None),
        (&[("HTTPS_PROXY", "http://p"), ("NO_PROXY", "another.com")], Some("http://p")),
    ] {
        assert_eq!(shown(&environment(variables), "pve1.example.com").as_deref(), expected, "{variables:?}");
    }
}

#[test]
fn names_addresses_and_networks_are_spared() {
    let proxies =
        environment(&[("ALL_PROXY", "http://p"), ("NO_PROXY", "pve1, .example.com,192.0.2.7, 198.51.100.0/24")]);
    for (host, through) in [
        ("pve1", false),
        ("pve2", true),
        ("xpve1", true),
        ("a.example.com", false),
        ("example.com", false),
        ("example.com.other", true),
        ("192.0.2.7", false),
        ("192.0.2.8", true),
        ("198.51.100.200", false),
    ] {
        assert_eq!(shown(&proxies, host).is_some(), through, "{host}");
    }
    let six = environment(&[("ALL_PROXY", "http://p"), ("NO_PROXY", "2001:db8::/32")]);
    assert_eq!(six.to("2001:db8::1"), Ok(None));
}

#[test]
fn loopback_is_always_spared() {
    for proxies in [Proxies::at("http://p:3128").unwrap(), environment(&[("HTTPS_PROXY", "http://p:3128")])] {
        for host in
            ["127.0.0.1", "127.8.9.10", "127.1", "::1", "::ffff:127.0.0.1", "localhost", "LOCALHOST.", "pve1.localhost"]
        {
            assert_eq!(shown(&proxies, host), None, "{host}");
        }
        for host in ["128.0.0.1", "localhost.example.com", "pve1"] {
            assert!(shown(&proxies, host).is_some(), "{host}");
        }
    }
}

#[test]
fn an_address_says_how_the_proxy_is_spoken_to() {
    for good in
        ["http://p:3128", "http://user:pass@p:3128", "socks5h://p:1080", "http://[2001:db8::1]:3128", "http://p/"]
    {
        assert!(Proxies::at(good).is_ok(), "{good}");
    }
    for (bad, word) in [
        ("https://p:3128", "held to PVE's certificate"),
        ("socks5://p:1080", "by socks5"),
        ("ftp://p", "by ftp"),
        ("p:3128", "scheme"),
        ("http://", "address"),
        ("http://:3128", "no host"),
        ("http://p/path", "no path"),
        ("", "address"),
    ] {
        let why = Proxies::at(bad).unwrap_err();
        assert!(why.contains(word) && why.contains("http://HOST:PORT"), "{bad}: {why}");
    }
}

#[test]
fn what_is_wrong_with_a_variable_is_told_where_it_is_needed() {
    let proxies = environment(&[("HTTPS_PROXY", "https://user:hidden@p:3128"), ("NO_PROXY", "pve2")]);
    let why = proxies.to("pve1").unwrap_err();
    assert!(why.contains("HTTPS_PROXY: ") && why.contains("https") && !why.contains("hidden"), "{why}");
    assert_eq!((proxies.to("pve2"), proxies.to("127.0.0.1")), (Ok(None), Ok(None)));
}

#[test]
fn a_password_is_shown_nowhere() {
    for proxies in [
        Proxies::at("http://user:hidden@p:3128").unwrap(),
        environment(&[("HTTPS_PROXY", "http://user:hidden@p:3128")]),
    ] {
        let via = proxies.to("pve1").unwrap().unwrap();
        assert_eq!(via.to_string(), "http://p:3128");
        assert!(!format!("{proxies:?} {via:?}").contains("hidden"));
    }
}

#[test]
fn an_ipv6_address_behind_a_proxy_is_refused_in_words() {
    let why = Proxies::at("http://p:3128").unwrap().to("2001:db8::1").unwrap_err();
    assert!(why.contains("http://p:3128") && why.contains("host name") && why.contains("proxy = \"none\""), "{why}");
    let why = environment(&[("HTTPS_PROXY", "http://p")]).to("2001:db8::1").unwrap_err();
    assert!(why.contains("NO_PROXY"), "{why}");
}
