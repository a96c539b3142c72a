//! The token is gone once the first write was sent.

use terraform_plugin::{Created, Error, Failed, Unwritten};

async fn ask() -> Result<(), Error> {
    Ok(())
}

async fn create(want: u8, unwritten: Unwritten<u8>) -> Result<Created<u8>, Failed> {
    let (answer, written) = unwritten.send(want, ask()).await?;
    if let Err(error) = answer {
        return Err(unwritten.fail(error));
    }
    Ok(written.made(want))
}

async fn check(want: u8, unwritten: Unwritten<u8>) -> Result<Created<u8>, Failed> {
    let (_answer, written) = unwritten.send(want, ask()).await?;
    unwritten.check(ask().await)?;
    Ok(written.made(want))
}

fn main() {
    let _ = (create, check);
}
