//! The ways in which a create may end.

use terraform_plugin::{Created, Error, Failed, Notes, Unwritten};

async fn ask() -> Result<u8, Error> {
    Ok(1)
}

async fn create(want: u8, unwritten: Unwritten<u8>) -> Result<Created<u8>, Failed> {
    unwritten.check(ask().await)?;
    if want == 0 {
        return Err(unwritten.fail(Error::new("a", "b")));
    }
    let (answer, written) = unwritten.send(want, ask()).await?;
    written.note(want);
    let Ok(answer) = answer else { return Ok(written.leave(Error::new("a", "b"))) };
    if answer == 2 {
        return written.undo(Error::new("a", "b"), ask_nothing()).await;
    }
    let rest = async |notes: Notes<u8>| {
        let found = ask().await?;
        notes.note(found);
        Ok::<_, Error>(found)
    };
    Ok(written.settle(rest).await)
}

async fn ask_nothing() -> Result<(), Error> {
    Ok(())
}

fn main() {
    let _ = create;
}
