//! A file on its way to PVE: read bit by bit, never whole in memory.

use std::path::PathBuf;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::{Bytes, BytesMut};
use hyper::body::{Body, Frame, SizeHint};
use tokio::io::AsyncReadExt as _;
use tokio::sync::mpsc;

/// How much is read at once, and how much of that waits to be sent.
const PART: usize = 64 << 10;
const WAITING: usize = 4;

/// A local file that a request carries.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Upload {
    /// Where it lies.
    pub path: PathBuf,
    /// What PVE is told that it is called.
    pub name: String,
    /// Its length. One that is longer or shorter by then is not sent to its end.
    pub size: u64,
}

/// A form with fields and, last, a file: the only order that PVE reads.
#[derive(Debug, Clone)]
pub(crate) struct Form {
    boundary: String,
    head: Bytes,
    tail: Bytes,
    upload: Upload,
}

impl Form {
    pub(crate) fn new(fields: &[(String, String)], upload: &Upload) -> Form {
        let boundary = format!("--------------------{:032x}", rand::random::<u128>());
        let mut head = String::new();
        for (name, value) in fields {
            head += &format!("--{boundary}\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n");
        }
        // Quotes and line ends would end the name.
        let file = upload.name.replace(['"', '\r', '\n'], "_");
        head += &format!(
            "--{boundary}\r\nContent-Disposition: form-data; name=\"filename\"; filename=\"{file}\"\r\n\
             Content-Type: application/octet-stream\r\n\r\n"
        );
        let tail = Bytes::from(format!("\r\n--{boundary}--\r\n"));
        Form { boundary, head: head.into(), tail, upload: upload.clone() }
    }

    pub(crate) fn content_type(&self) -> String {
        format!("multipart/form-data; boundary={}", self.boundary)
    }

    pub(crate) fn length(&self) -> u64 {
        self.head.len() as u64 + self.upload.size + self.tail.len() as u64
    }

    /// Begins to read. `moved` is called whenever something has gone on its way.
    pub(crate) fn body(&self, moved: Arc<dyn Fn() + Send + Sync>) -> FormBody {
        let (to, parts) = mpsc::channel(WAITING);
        let form = self.clone();
        tokio::spawn(async move {
            if let Err(error) = form.read(&to, &*moved).await {
                let _ = to.send(Err(error)).await;
            }
        });
        FormBody { parts, left: self.length() }
    }

    async fn read(
        &self,
        to: &mpsc::Sender<std::io::Result<Bytes>>,
        moved: &(dyn Fn() + Send + Sync),
    ) -> std::io::Result<()> {
        let gone = |_| std::io::Error::other("nobody reads it any more");
        to.send(Ok(self.head.clone())).await.map_err(gone)?;
        let mut file = tokio::fs::File::open(&self.upload.path).await?;
        let mut left = self.upload.size;
        loop {
            let mut part = BytesMut::with_capacity(PART);
            let read = file.read_buf(&mut part).await? as u64;
            match (read, left) {
                (0, 0) => break,
                (0, _) => return Err(std::io::Error::other("the file has become shorter")),
                (more, _) if more > left => return Err(std::io::Error::other("the file has become longer")),
                _ => left -= read,
            }
            to.send(Ok(part.freeze())).await.map_err(gone)?;
            moved();
        }
        to.send(Ok(self.tail.clone())).await.map_err(gone)
    }
}

/// The body of such a request.
pub(crate) struct FormBody {
    parts: mpsc::Receiver<std::io::Result<Bytes>>,
    left: u64,
}

impl Body for FormBody {
    type Data = Bytes;
    type Error = std::io::Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<std::io::Result<Frame<Bytes>>>> {
        let part = std::task::ready!(self.parts.poll_recv(cx));
        if let Some(Ok(bytes)) = &part {
            self.left = self.left.saturating_sub(bytes.len() as u64);
        }
        Poll::Ready(part.map(|part| part.map(Frame::data)))
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.left)
    }
}

#[cfg(test)]
mod tests {
    use http_body_util::BodyExt as _;

    use super::*;

    async fn sent(size: u64, content: &[u8]) -> std::io::Result<Vec<u8>> {
        let file = tempfile::NamedTempFile::new()?;
        std::fs::write(file.path(), content)?;
        let upload = Upload { path: file.path().to_owned(), name: "a\"b.iso".to_owned(), size };
        let form = Form::new(&[("content".to_owned(), "iso".to_owned())], &upload);
        let body = form.body(Arc::new(|| {}));
        let sent = body.collect().await?.to_bytes().to_vec();
        assert_eq!(sent.len() as u64, form.length());
        Ok(sent)
    }

    #[tokio::test]
    async fn a_file_goes_last_whole_and_only_as_it_was() {
        let content = vec![7; 3 * PART + 1];
        let text = sent(content.len() as u64, &content).await.unwrap();
        let head = String::from_utf8_lossy(&text[..400]).into_owned();
        let (field, file) = (head.find("name=\"content\"\r\n\r\niso\r\n"), head.find("filename=\"a_b.iso\""));
        assert!(field.unwrap() < file.unwrap(), "{head}");
        assert_eq!(text.iter().filter(|byte| **byte == 7).count(), content.len());
        assert!(sent(5, b"1234").await.unwrap_err().to_string().contains("shorter"));
        assert!(sent(3, b"1234").await.unwrap_err().to_string().contains("longer"));
    }
}
