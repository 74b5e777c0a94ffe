//! What a package holds, in the order and the groups that both kinds of manifest need.

use std::time::Duration;

use super::rendition::{Facts, Rendition};

/// All of a package.
#[derive(Debug, Default)]
pub(super) struct Contents {
    pub(super) renditions: Vec<Rendition>,
    pub(super) texts: Vec<Text>,
    /// How long a segment is meant to be.
    pub(super) target: Duration,
}

/// Subtitles: one WebVTT file for all the time there is. The texts in it are clean.
#[derive(Debug)]
pub(super) struct Text {
    pub(super) folder: String,
    pub(super) name: String,
    pub(super) language: Option<String>,
    pub(super) default: bool,
    pub(super) forced: bool,
    /// The size of the file.
    pub(super) bytes: u64,
}

/// Audio of one codec and rate: what is said in different languages, or for different people.
#[derive(Debug)]
pub(super) struct Group {
    pub(super) id: String,
    codec: String,
    pub(super) members: Vec<Member>,
}

/// One of a group.
#[derive(Debug)]
pub(super) struct Member {
    /// Which of the renditions.
    pub(super) rendition: usize,
    /// Its name, which nobody else in the group has.
    pub(super) name: String,
    /// Whether players begin with it: exactly one of the group is.
    pub(super) default: bool,
}

impl Contents {
    pub(super) fn videos(&self) -> impl Iterator<Item = &Rendition> {
        self.renditions.iter().filter(|rendition| matches!(rendition.facts, Facts::Video { .. }))
    }

    pub(super) fn has_video(&self) -> bool {
        self.videos().next().is_some()
    }

    /// Whether players have to be told of groups: not where each holds all that there is to hear and see.
    pub(super) fn needs_groups(&self, groups: &[Group]) -> bool {
        self.has_video() || groups.iter().any(|group| group.members.len() > 1)
    }

    /// When the last of all is over.
    pub(super) fn duration(&self) -> Duration {
        self.renditions.iter().map(Rendition::end).max().unwrap_or_default()
    }

    /// The groups of audio. The same name and language in the same codec again is another rate: another group.
    pub(super) fn audio_groups(&self) -> Vec<Group> {
        let mut groups: Vec<Group> = Vec::new();
        let mut said = Vec::new();
        for (at, rendition) in self.renditions.iter().enumerate() {
            let Facts::Audio { name, language, default, .. } = &rendition.facts else { continue };
            let words = (name, language);
            let free = |number: &usize| groups[*number].codec == rendition.codec && !said.contains(&(*number, words));
            let number = (0..groups.len()).find(free).unwrap_or(groups.len());
            if number == groups.len() {
                let (id, codec) = (format!("audio-{}", number + 1), rendition.codec.clone());
                groups.push(Group { id, codec, members: Vec::new() });
            }
            said.push((number, words));
            let name = unique(name, &groups[number].members);
            groups[number].members.push(Member { rendition: at, name, default: *default });
        }
        groups.iter_mut().for_each(one_default);
        groups
    }
}

fn one_default(group: &mut Group) {
    let chosen = group.members.iter().position(|member| member.default).unwrap_or(0);
    for (at, member) in group.members.iter_mut().enumerate() {
        member.default = at == chosen;
    }
}

fn unique(name: &str, members: &[Member]) -> String {
    let taken = |name: &str| members.iter().any(|member| member.name == name);
    let numbered = (2..).map(|number| format!("{name} {number}"));
    std::iter::once(name.to_owned()).chain(numbered).find(|name| !taken(name)).unwrap_or_default()
}
