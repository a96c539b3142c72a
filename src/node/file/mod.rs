//! `pve_node_file`: a file of the administrator's own on a node.

mod look;
mod path;
mod written;

use pve_client::shell::files::{Files, Found, Wanted};
use terraform_plugin::{
    Attr, Change, Created, Cx, Deleted, Error, Failed, Findings, Model, Need, Read, Resource, Say, Secret, Timeouts,
    Unwritten, Updated, require, require_removable,
};

use self::look::{LARGEST, Seen};
use self::written::Written;
use super::remote;
use crate::ground::error::{During, Problem};
use crate::ground::named::Named;
use crate::ground::pve::Pve;

/// A file on a node that is the administrator's own: a service's configuration, a unit of systemd, a script.
///
/// PVE has no call for files, so they are written and read by SSH (the provider's `ssh`), never through PVE's terminal; planning
/// and refreshing take it as well. A file is written beside its place, synced, and takes its place by one rename, so that nobody
/// ever reads half of one, whenever a run is killed. Its folder has to be there.
///
/// What PVE or the system owns is refused: everything below `/etc/pve`, `/etc/hosts` (`pve_node_hosts`),
/// `/etc/network/interfaces` and others, where the error names what to use. Symbolic links are never followed: a path that leads
/// over one is refused, and the error tells the path behind it.
///
/// A file that exists already is not taken over; the error prints the `import` block. Destroying removes the file only while
/// its content is what was written here: what somebody has changed since stays, and the error says so.
///
/// The import id is `NODE/PATH`: `pve1//etc/motd`. An import reads the content of a file that everybody on the node may
/// read; of others it is taken for a secret, and not put into the state.
#[derive(Model, Clone, Debug, Default, PartialEq)]
#[model(name = "node_file", area = "Node", key(node, path), rest = path)]
pub struct NodeFile {
    /// The node.
    #[attr(required, replace, length = 1..)]
    pub node: String,
    /// The path, from `/` on.
    #[attr(required, replace, check = path::check)]
    pub path: String,
    /// The whole content, of at most 1 MiB. It stands in the state: for secrets there is `content_wo`. Compared with what the file
    /// holds.
    #[attr(optional, check = not_too_long)]
    pub content: Option<String>,
    /// The same where nobody may read it in the state or a plan.
    ///
    /// What stands in the file is not compared with it, and no digest of it is kept, by which a weak secret could be guessed. The
    /// time of the file's last change is: a file that somebody has changed is written again. To have another content written,
    /// raise `content_wo_version`.
    #[attr(optional, sensitive, write_only(version = content_wo_version), check = not_too_long)]
    pub content_wo: Option<Secret<String>>,
    /// Raised to have `content_wo` written again.
    #[attr(local)]
    pub content_wo_version: Option<u32>,
    /// Its owner, by name.
    #[attr(default = "root", regex = NAME, says = "the name of a user of the node's system")]
    pub owner: String,
    /// Its group, by name.
    #[attr(default = "root", regex = NAME, says = "the name of a group of the node's system")]
    pub group: String,
    /// Its permissions: `0644`.
    ///
    /// Left alone when unset (a new file has `0644`, with `content_wo` `0600`).
    #[attr(keep, regex = "^0[0-7]{3}$", says = "four octal digits of which the first is 0, such as `0644`")]
    pub mode: Option<String>,
    /// False after a write that was cut off; the next apply writes it again.
    #[attr(ready)]
    pub ready: bool,
    /// How long operations may take.
    #[attr(timeouts(create = "5m", update = "5m", delete = "5m"))]
    pub timeouts: Timeouts,
}

/// What Debian lets users and groups be called.
const NAME: &str = "^[a-z_][a-z0-9_-]{0,31}$";

fn not_too_long(content: &String) -> Result<(), String> {
    match content.len() as u64 {
        0..=LARGEST => Ok(()),
        n => Err(format!("must have at most 1 MiB, and has {n} bytes")),
    }
}

impl NodeFile {
    /// What is to be in it, as far as this run knows.
    fn bytes(&self) -> &[u8] {
        let secret = || self.content_wo.as_ref().map(|secret| secret.reveal().as_bytes());
        self.content.as_ref().map(|content| content.as_bytes()).or_else(secret).unwrap_or_default()
    }

    fn wanted(&self) -> Wanted<'_> {
        let mode = self.mode.as_deref().unwrap_or("0600");
        Wanted { path: &self.path, owner: &self.owner, group: &self.group, mode }
    }

    fn named(&self) -> Named {
        named(&self.node, &self.path)
    }

    fn doing(&self, what: &str) -> String {
        format!("Cannot {what} file {} on {}", self.path, self.node)
    }

    /// As it stands in the state once it is written.
    fn done(&self) -> Self {
        Self { ready: true, ..self.clone() }
    }

    /// Whether its content has to be sent for a change from `prior` to this.
    fn has_news(&self, prior: &Self) -> bool {
        let secret = self.content.is_none();
        self.content != prior.content || !prior.ready || (secret && self.content_wo_version != prior.content_wo_version)
    }

    /// Writes it; notes the time of that.
    async fn write(&self, cx: &Cx<Pve>, doing: &str, new: bool) -> Result<(), Problem> {
        let shell = remote::shell(cx, &self.node, doing)?;
        let modified = Files::new(&shell).write(self.wanted(), self.bytes(), new).await.during(doing)?;
        Written::by_us(&cx.private, modified, self.content.as_deref());
        Ok(())
    }

    /// Whether it is as it was to be after a write whose answer was lost.
    async fn has_arrived(&self, cx: &Cx<Pve>) -> Result<bool, Problem> {
        let seen = look::seen(cx, &self.node, &self.path, LARGEST + 1).await?;
        let arrived = seen.filter(|seen| seen.is_as(self));
        if let Some(seen) = &arrived {
            Written::by_us(&cx.private, seen.modified.clone(), self.content.as_deref());
        }
        Ok(arrived.is_some())
    }
}

fn named(node: &str, path: &str) -> Named {
    Named {
        kind: "pve_node_file".to_owned(),
        attribute: "path",
        key: format!("{node}/{path}"),
        what: format!("File {path} on {node}"),
    }
}

impl Resource<Pve> for NodeFile {
    fn needs() -> Vec<Need> {
        vec![Need::to_plan("/", &["Sys.Audit"])]
    }

    fn validate(config: &NodeFilePlan, say: &mut Say<Self>) {
        match (&config.content, &config.content_wo) {
            (Attr::Null, Attr::Null) => {
                say.error("content", "A file without content", "Set `content`, which may be empty, or `content_wo`.");
            }
            (Attr::Known(_), Attr::Known(_)) => {
                say.error("content_wo", "Two contents", "Set `content` or `content_wo`, not both.");
            }
            _ => {}
        }
    }

    async fn plan(cx: &Cx<Pve>, change: &mut Change<Self>, say: &mut Say<Self>) {
        if !change.is_no_op() {
            remote::warn(cx, say, "Files of nodes");
        }
        if change.is_update() && Written::is_changed(&cx.private) {
            change.plan.ready = Attr::Unknown;
            if change.config.content.is_null() {
                let detail = "Its content is not shown, and so it was not compared: the time of its last change tells. It is written \
                              again.";
                say.warning("content_wo", "Somebody has changed a file with a secret", detail);
            }
        }
        if change.is_create() && change.config.mode.is_null() {
            let mode = if change.config.content_wo.is_null() { "0644" } else { "0600" };
            change.plan.mode = Attr::Known(mode.to_owned());
        }
    }

    async fn possible(
        cx: &Cx<Pve>,
        want: &NodeFilePlan,
        prior: Option<&Self>,
        found: &mut Findings<Self>,
    ) -> Result<(), Error> {
        let (Some(node), Some(path)) = (want.node.text(), want.path.text()) else { return Ok(()) };
        if cx.client.ssh(node).is_none() && found.is_plan() {
            // Warned of already.
            return Ok(());
        }
        let place = look::at(cx, node, path, 0).await?;
        look::check(&place, node, path, found);
        if let Some(there) = place.found.filter(|there| prior.is_none() && there.is_file() && place.real == path) {
            tracing::debug!(path, size = there.size, "there is a file already");
            found.exists(named(node, path).existing());
        }
        Ok(())
    }

    async fn removable(cx: &Cx<Pve>, was: &Self, found: &mut Findings<Self>) -> Result<(), Error> {
        let length = if was.content.is_some() { LARGEST + 1 } else { 0 };
        let place = look::at(cx, &was.node, &was.path, length).await?;
        let written = Written::of(&cx.private);
        let ours = |there: &Found| there.is_file() && written.as_ref().is_some_and(|written| written.fits(there));
        if place.found.is_some_and(|there| !ours(&there)) {
            found.mendable(Problem::new(
                was.doing("remove"),
                "Somebody has changed it since it was written here, so it may be theirs by now. Nothing was removed. Apply once more, \
                 so that it is written again, and destroy it then; or remove it on the node.",
            ));
        }
        Ok(())
    }

    async fn create(cx: &Cx<Pve>, want: &Self, unwritten: Unwritten<Self>) -> Result<Created<Self>, Failed> {
        let doing = want.doing("write");
        let _turn = unwritten.check(remote::turn(cx, &want.node, &doing).await)?;
        let seen = unwritten.check(look::seen(cx, &want.node, &want.path, LARGEST + 1).await)?;
        let agrees = |seen: &Seen| seen.is_as(want);
        if let Some(seen) = unwritten.check(want.named().left_behind(cx, seen, agrees).await)? {
            Written::by_us(&cx.private, seen.modified, want.content.as_deref());
            return Ok(unwritten.take_over(want.done()).made(want.done()));
        }
        unwritten.check(require(cx, want, None).await)?;
        let (answer, written) = unwritten.send(want.clone(), want.write(cx, &doing, true)).await?;
        let Err(problem) = answer else { return Ok(written.made(want.done())) };
        // The answer was lost, or came from between the rename and the end: what is there tells.
        match want.has_arrived(cx).await {
            Ok(true) => Ok(written.made(want.done())),
            _ => Ok(written.leave(problem)),
        }
    }

    async fn read(cx: &Cx<Pve>, key: &NodeFileKey, prior: Option<&Self>) -> Result<Read<Self>, Error> {
        let found = look::found(cx, key, prior).await;
        remote::answer(cx, &key.node, found).await
    }

    async fn update(cx: &Cx<Pve>, prior: &Self, want: &Self) -> Result<Updated<Self>, Error> {
        let doing = want.doing("change");
        let _turn = remote::turn(cx, &want.node, &doing).await?;
        require(cx, want, Some(prior)).await?;
        if want.has_news(prior) || Written::is_changed(&cx.private) {
            if let Err(problem) = want.write(cx, &doing, false).await {
                return match problem.is_refused() {
                    true => Err(problem.into()),
                    false if want.has_arrived(cx).await.is_ok_and(|arrived| arrived) => Ok(Updated::Done(want.done())),
                    false => Ok(Updated::unfinished(want.clone(), problem)),
                };
            }
        } else {
            let shell = remote::shell(cx, &want.node, &doing)?;
            Files::new(&shell).give(want.wanted()).await.during(&doing)?;
        }
        Ok(Updated::Done(want.done()))
    }

    async fn delete(cx: &Cx<Pve>, was: &Self) -> Result<Deleted<Self>, Error> {
        let doing = was.doing("remove");
        let _turn = remote::turn(cx, &was.node, &doing).await?;
        let Some(seen) = look::seen(cx, &was.node, &was.path, 0).await? else { return Ok(Deleted::Gone) };
        require_removable(cx, was).await?;
        let shell = remote::shell(cx, &was.node, &doing)?;
        Files::new(&shell).remove(&was.path, &seen.modified).await.during(&doing)?;
        Ok(Deleted::Gone)
    }
}
