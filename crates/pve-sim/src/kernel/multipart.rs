//! What a browser's form with a file looks like. PVE's own server takes it apart before the API sees it, and only so: the
//! fields first, the file last.

/// The fields, and the file with its name.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Sent {
    pub(crate) fields: Vec<(String, String)>,
    pub(crate) file: (String, Vec<u8>),
}

/// The boundary in a content type.
pub(crate) fn boundary(content_type: &str) -> Option<&str> {
    let (_, rest) = content_type.split_once("boundary=")?;
    Some(rest.split(';').next().unwrap_or(rest).trim().trim_matches('"'))
}

/// Takes a whole body apart; none if it is cut off, or in another order.
pub(crate) fn parse(body: &[u8], boundary: &str) -> Option<Sent> {
    let (open, end) = (format!("--{boundary}\r\n"), format!("\r\n--{boundary}"));
    let mut rest = body.strip_prefix(open.as_bytes())?;
    let mut fields = Vec::new();
    loop {
        let head_end = find(rest, b"\r\n\r\n")?;
        let head = std::str::from_utf8(&rest[..head_end]).ok()?;
        rest = &rest[head_end + 4..];
        let content_end = find(rest, end.as_bytes())?;
        let content = &rest[..content_end];
        rest = &rest[content_end + end.len()..];
        let disposition = head.lines().find(|line| line.to_ascii_lowercase().starts_with("content-disposition:"))?;
        let name = quoted(disposition, " name=")?;
        match quoted(disposition, "filename=") {
            // Nothing may come after it.
            Some(file) if name == "filename" => {
                return rest.starts_with(b"--").then(|| Sent { fields, file: (file, content.to_vec()) });
            }
            Some(_) => return None,
            None => fields.push((name, String::from_utf8_lossy(content).into_owned())),
        }
        rest = rest.strip_prefix(b"\r\n")?;
    }
}

fn quoted(line: &str, key: &str) -> Option<String> {
    let (_, rest) = line.split_once(key)?;
    Some(rest.strip_prefix('"')?.split('"').next()?.to_owned())
}

fn find(bytes: &[u8], what: &[u8]) -> Option<usize> {
    let first = *what.first()?;
    let mut from = 0;
    while let Some(at) = bytes[from..].iter().position(|byte| *byte == first) {
        let at = from + at;
        if bytes[at..].starts_with(what) {
            return Some(at);
        }
        from = at + 1;
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn body(parts: &[(&str, &str)], end: &str) -> Vec<u8> {
        let part = |(head, content): &(&str, &str)| {
            format!("--B\r\nContent-Disposition: form-data; {head}\r\n\r\n{content}\r\n")
        };
        format!("{}--B{end}", parts.iter().map(part).collect::<String>()).into_bytes()
    }

    #[test]
    fn the_file_comes_last_and_whole() {
        let fields = ("name=\"content\"", "iso");
        let file = ("name=\"filename\"; filename=\"a b.iso\"", "12\r\n--3");
        let sent = parse(&body(&[fields, file], "--\r\n"), "B").unwrap();
        assert_eq!(sent.fields, [("content".to_owned(), "iso".to_owned())]);
        assert_eq!(sent.file, ("a b.iso".to_owned(), b"12\r\n--3".to_vec()));
        assert_eq!(parse(&body(&[file, fields], "--\r\n"), "B"), None, "in the other order");
        assert_eq!(parse(&body(&[fields, file], "")[..60], "B"), None, "cut off");
        assert_eq!(parse(&body(&[fields], "--\r\n"), "B"), None, "without a file");
        assert_eq!(boundary("multipart/form-data; boundary=\"x\""), Some("x"));
    }
}
