use super::*;

fn live(up: bool, in_: bool) -> Live {
    Live {
        id: 3,
        host: Some("pve1".to_owned()),
        up,
        in_,
        device_class: Some("ssd".to_owned()),
        crush_weight: 1.0,
        reweight: 1.0,
        pgs: 0,
        total_space: 0,
        bytes_used: 0,
        db: None,
        wal: None,
        version: Some("19.2.3".to_owned()),
    }
}

fn known() -> Osd {
    Osd { osd_id: Some(3), osd_fsid: Some("a".to_owned()), ..Osd::default() }
}

#[test]
fn being_in_is_read_only_while_it_is_up() {
    let was = Osd { r#in: Some(true), ..known() };
    assert_eq!(was.with_live(&live(false, false)).r#in, Some(true), "Ceph takes out what is down for long");
    assert_eq!(was.with_live(&live(true, false)).r#in, Some(false));
    assert_eq!(known().with_live(&live(false, false)).r#in, None);
}

#[test]
fn a_read_finds_it_ready_once_it_is_up_and_in() {
    assert!(known().with_live(&live(true, true)).ready);
    assert!(!known().with_live(&live(true, false)).ready && !known().with_live(&live(false, true)).ready);
    // Out is what a removal that ended early leaves, whatever an earlier read has stored.
    let outside = Osd { r#in: Some(false), ..known() };
    assert!(!outside.with_live(&live(true, false)).ready);
    assert!(Osd { ready: true, ..known() }.with_live(&live(false, false)).ready);
    assert!(!Osd { osd_fsid: None, ..known() }.with_live(&live(true, true)).ready);
}
