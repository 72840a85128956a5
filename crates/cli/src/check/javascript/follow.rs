//! Follows values through all files of a function, until nothing new is found.

mod bind;
mod evaluate;
mod record;

use std::collections::HashMap;

use oxc_ast::AstKind;
use oxc_ast::ast::{
    ClassElement, Declaration, ExportDefaultDeclarationKind, Expression,
    ImportDeclarationSpecifier, MethodDefinitionKind, ModuleExportName, ObjectExpression,
    ObjectPropertyKind, TSModuleReference,
};
use oxc_semantic::{AstNode, NodeId, ScopeId, Semantic, SymbolId};
use oxc_span::{GetSpan as _, Span};

use super::modules::{self, Module};
use super::value::{Function, Value, Values};
use crate::check::uses::{Spot, Uses};

/// More rounds than a value takes through any code that people write.
const ROUNDS: usize = 100;

/// What is known so far.
pub(super) struct Follow<'a, 's> {
    files: &'s [Semantic<'a>],
    names: &'s [&'s str],
    modules: Vec<Module<'a>>,
    variables: HashMap<(usize, SymbolId), Values<'a>>,
    /// What functions return, by their scope.
    returns: HashMap<(usize, ScopeId), Values<'a>>,
    /// `this.x` of a file.
    own: HashMap<(usize, &'a str), Values<'a>>,
    /// `x` of an object, by where the object is written.
    fields: HashMap<(usize, Span, &'a str), Values<'a>>,
    /// `...x` in an object, by where that is written.
    spreads: HashMap<(usize, Span), Values<'a>>,
    news: bool,
    /// In the last round: where what was found goes.
    found: Option<Found>,
}

/// What the last round finds.
#[derive(Default)]
struct Found {
    calls: Vec<(String, Spot)>,
    unclear: Vec<(Spot, String)>,
    sdk: Option<Spot>,
}

impl<'a, 's> Follow<'a, 's> {
    pub(super) fn new(files: &'s [Semantic<'a>], names: &'s [&'s str]) -> Self {
        Self {
            files,
            names,
            modules: files.iter().map(|_| Module::default()).collect(),
            variables: HashMap::new(),
            returns: HashMap::new(),
            own: HashMap::new(),
            fields: HashMap::new(),
            spreads: HashMap::new(),
            news: false,
            found: None,
        }
    }

    pub(super) fn run(mut self, uses: &mut Uses) {
        for _ in 0..ROUNDS {
            self.news = false;
            self.round();
            if !self.news {
                break;
            }
        }
        self.found = Some(Found::default());
        self.round();
        if let Some(found) = self.found {
            uses.calls.extend(found.calls);
            uses.unclear.extend(found.unclear);
            uses.sdk = found.sdk;
        }
    }

    fn round(&mut self) {
        let files = self.files;
        for (file, semantic) in files.iter().enumerate() {
            for node in semantic.nodes() {
                self.flow(file, node);
                if self.found.is_some() {
                    self.record(file, node);
                }
            }
        }
    }

    /// Lets values flow along one node.
    fn flow(&mut self, file: usize, node: &AstNode<'a>) {
        match node.kind() {
            AstKind::VariableDeclarator(declarator) => {
                if let Some(init) = &declarator.init {
                    let values = self.value(file, init);
                    self.bind(file, &declarator.id, &values);
                }
            }
            AstKind::AssignmentExpression(assignment) => self.assignment(file, assignment),
            AstKind::FormalParameter(parameter) => {
                // For what it is by default.
                self.bind(file, &parameter.pattern, &Values::default());
            }
            AstKind::Function(function) => {
                if let (Some(id), Some(value)) = (&function.id, as_function(file, function)) {
                    self.variable(file, id.symbol_id.get(), &Value::Function(value).into());
                }
            }
            AstKind::Class(class) => {
                if let Some(id) = &class.id {
                    let value = Value::Class(file, constructor(file, class));
                    self.variable(file, id.symbol_id.get(), &value.into());
                }
            }
            AstKind::MethodDefinition(method) => {
                if let (Some(name), Some(function)) =
                    (key_name(&method.key), as_function(file, &method.value))
                {
                    let values = match method.kind {
                        MethodDefinitionKind::Get => self.returned(function),
                        _ => Value::Function(function).into(),
                    };
                    self.own(file, name, &values);
                }
            }
            AstKind::PropertyDefinition(property) => {
                if let (Some(name), Some(value)) = (key_name(&property.key), &property.value) {
                    let values = self.value(file, value);
                    self.own(file, name, &values);
                }
            }
            AstKind::CallExpression(call) => {
                let callee = self.value(file, &call.callee);
                self.hand_over(file, &callee, &call.arguments);
                self.hand_over_later(file, call);
            }
            AstKind::NewExpression(new) => {
                let callee = self.value(file, &new.callee);
                self.hand_over(file, &callee, &new.arguments);
            }
            AstKind::ReturnStatement(statement) => {
                if let (Some(argument), Some(scope)) =
                    (&statement.argument, self.function_around(file, node.id()))
                {
                    let values = self.value(file, argument);
                    self.news |= self.returns.entry((file, scope)).or_default().add(&values);
                }
            }
            AstKind::ArrowFunctionExpression(arrow) => {
                if let (Some(given), Some(scope)) = (arrow.get_expression(), arrow.scope_id.get()) {
                    let values = self.value(file, given);
                    self.news |= self.returns.entry((file, scope)).or_default().add(&values);
                }
            }
            AstKind::ObjectExpression(object) => self.object(file, object),
            kind => self.flow_between_files(file, kind),
        }
    }

    fn object(&mut self, file: usize, object: &'a ObjectExpression<'a>) {
        for property in &object.properties {
            match property {
                ObjectPropertyKind::ObjectProperty(property) => {
                    if let Some(name) = key_name(&property.key) {
                        let values = self.value(file, &property.value);
                        let field = self.fields.entry((file, object.span, name)).or_default();
                        self.news |= field.add(&values);
                    }
                }
                ObjectPropertyKind::SpreadProperty(spread) => {
                    let values = self.value(file, &spread.argument);
                    let spreads = self.spreads.entry((file, object.span)).or_default();
                    self.news |= spreads.add(&values);
                }
            }
        }
    }

    fn flow_between_files(&mut self, file: usize, kind: AstKind<'a>) {
        match kind {
            AstKind::ImportDeclaration(import) if !import.import_kind.is_type() => {
                let module = self.required(file, import.source.value.as_str());
                for specifier in import.specifiers.iter().flatten() {
                    let (local, values) = match specifier {
                        ImportDeclarationSpecifier::ImportSpecifier(one) => {
                            (&one.local, self.members(&module, name_of(&one.imported)))
                        }
                        ImportDeclarationSpecifier::ImportDefaultSpecifier(one) => {
                            (&one.local, self.members(&module, "default"))
                        }
                        ImportDeclarationSpecifier::ImportNamespaceSpecifier(one) => {
                            (&one.local, module.clone())
                        }
                    };
                    self.variable(file, local.symbol_id.get(), &values);
                    if let ImportDeclarationSpecifier::ImportSpecifier(one) = specifier {
                        self.record_member(file, &module, name_of(&one.imported), one.span);
                    }
                }
            }
            AstKind::TSImportEqualsDeclaration(import) => {
                if let TSModuleReference::ExternalModuleReference(reference) =
                    &import.module_reference
                {
                    let values = self.required(file, reference.expression.value.as_str());
                    self.variable(file, import.id.symbol_id.get(), &values);
                }
            }
            AstKind::TSExportAssignment(export) => {
                let values = self.value(file, &export.expression);
                self.news |= self.modules[file].whole.add(&values);
            }
            AstKind::ExportDefaultDeclaration(export) => {
                let values = match &export.declaration {
                    ExportDefaultDeclarationKind::FunctionDeclaration(function) => {
                        as_function(file, function).map(|function| Value::Function(function).into())
                    }
                    ExportDefaultDeclarationKind::ClassDeclaration(class) => {
                        Some(Value::Class(file, constructor(file, class)).into())
                    }
                    other => other.as_expression().map(|value| self.value(file, value)),
                };
                if let Some(values) = values {
                    self.export(file, "default", &values);
                }
            }
            AstKind::ExportAllDeclaration(export) => {
                let values = self.required(file, export.source.value.as_str());
                if let Some(name) = &export.exported {
                    self.export(file, name_of(name), &values);
                } else if let [Value::Module(other), ..] = values.known[..]
                    && !self.modules[file].all_of.contains(&other)
                {
                    self.modules[file].all_of.push(other);
                    self.news = true;
                }
            }
            AstKind::ExportNamedDeclaration(export) => {
                let source = export.source.as_ref();
                let source = source.map(|source| self.required(file, source.value.as_str()));
                for specifier in &export.specifiers {
                    let values = match (&source, &specifier.local) {
                        (Some(module), local) => self.members(module, name_of(local)),
                        (None, ModuleExportName::IdentifierReference(local)) => {
                            self.reference(file, local)
                        }
                        (None, _) => Values::unknown(),
                    };
                    self.export(file, name_of(&specifier.exported), &values);
                }
                self.exported_declaration(file, export.declaration.as_ref());
            }
            _ => {}
        }
    }

    /// `export const …`, `export function …`: the variables have their values already, or will.
    fn exported_declaration(&mut self, file: usize, declaration: Option<&'a Declaration<'a>>) {
        let mut symbols = Vec::new();
        match declaration {
            Some(Declaration::VariableDeclaration(variables)) => {
                for declarator in &variables.declarations {
                    for id in declarator.id.get_binding_identifiers() {
                        symbols.push((id.name.as_str(), id.symbol_id.get()));
                    }
                }
            }
            Some(Declaration::FunctionDeclaration(function)) => {
                symbols.extend(
                    function
                        .id
                        .iter()
                        .map(|id| (id.name.as_str(), id.symbol_id.get())),
                );
            }
            Some(Declaration::ClassDeclaration(class)) => {
                symbols.extend(
                    class
                        .id
                        .iter()
                        .map(|id| (id.name.as_str(), id.symbol_id.get())),
                );
            }
            _ => {}
        }
        for (name, symbol) in symbols {
            let Some(symbol) = symbol else { continue };
            let values = self.variables.get(&(file, symbol)).cloned();
            self.export(file, name, &values.unwrap_or_default());
        }
    }

    fn export(&mut self, file: usize, name: &'a str, values: &Values<'a>) {
        self.news |= self.modules[file]
            .named
            .entry(name)
            .or_default()
            .add(values);
    }

    fn own(&mut self, file: usize, name: &'a str, values: &Values<'a>) {
        self.news |= self.own.entry((file, name)).or_default().add(values);
    }

    fn variable(&mut self, file: usize, symbol: Option<SymbolId>, values: &Values<'a>) {
        let Some(symbol) = symbol else { return };
        let flags = self.files[file].scoping().symbol_flags(symbol);
        let kept;
        let values = if flags.is_const_variable() || flags.is_import() {
            values
        } else {
            kept = values.clone().without_texts();
            &kept
        };
        self.news |= self
            .variables
            .entry((file, symbol))
            .or_default()
            .add(values);
    }

    /// What `require` gives: the exports, and what was assigned to `module.exports` in full.
    fn required(&self, file: usize, name: &str) -> Values<'a> {
        if is_sdk(name) {
            return Value::Sdk.into();
        }
        match modules::resolve(self.names, self.names[file], name) {
            Some(module) => Values::from(Value::Module(module)).or(&self.modules[module].whole),
            None => Values::unknown(),
        }
    }

    fn function_around(&self, file: usize, node: NodeId) -> Option<ScopeId> {
        self.files[file]
            .nodes()
            .ancestor_kinds(node)
            .find_map(|kind| match kind {
                AstKind::Function(function) => Some(function.scope_id.get()),
                AstKind::ArrowFunctionExpression(arrow) => Some(arrow.scope_id.get()),
                _ => None,
            })
            .flatten()
    }
}

fn is_sdk(name: &str) -> bool {
    name == crate::runner::SDK
}

fn spot(file: usize, span: Span) -> Spot {
    Spot::new(file, span.start as usize..span.end as usize)
}

fn as_function<'a>(file: usize, function: &'a oxc_ast::ast::Function<'a>) -> Option<Function<'a>> {
    Some(Function {
        file,
        scope: function.scope_id.get()?,
        parameters: &function.params,
    })
}

fn constructor<'a>(file: usize, class: &'a oxc_ast::ast::Class<'a>) -> Option<Function<'a>> {
    class.body.body.iter().find_map(|element| match element {
        ClassElement::MethodDefinition(method)
            if method.kind == MethodDefinitionKind::Constructor =>
        {
            as_function(file, &method.value)
        }
        _ => None,
    })
}

/// The name of a property, where it is written down; private ones with their `#`.
fn key_name<'a>(key: &oxc_ast::ast::PropertyKey<'a>) -> Option<&'a str> {
    use oxc_ast::ast::PropertyKey;

    match key {
        PropertyKey::StaticIdentifier(name) => Some(name.name.as_str()),
        PropertyKey::PrivateIdentifier(name) => Some(name.name.as_str()),
        PropertyKey::StringLiteral(text) => Some(text.value.as_str()),
        PropertyKey::TemplateLiteral(text) => text.single_quasi().map(|text| text.as_str()),
        _ => None,
    }
}

fn name_of<'a>(name: &ModuleExportName<'a>) -> &'a str {
    match name {
        ModuleExportName::IdentifierName(name) => name.name.as_str(),
        ModuleExportName::IdentifierReference(name) => name.name.as_str(),
        ModuleExportName::StringLiteral(text) => text.value.as_str(),
    }
}

/// An expression without what only types it, or puts it into parentheses.
fn plain<'e, 'a>(expression: &'e Expression<'a>) -> &'e Expression<'a> {
    expression.get_inner_expression()
}

/// Where an expression is.
fn span(expression: &Expression<'_>) -> Span {
    expression.span()
}
