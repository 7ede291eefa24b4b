--- `:checkhealth dgls`
local status = require('dgls.status')

local M = {}

--- Other plugins that show suggestions at the cursor or bind <Tab>, by their Lua module.
local OTHERS = {
  copilot = 'copilot.lua shows suggestions of its own; turn one of the two off for a file type',
  ['blink.cmp'] = 'blink.cmp binds <Tab> in some presets; see docs/editors/README.md of dgls',
  cmp = 'nvim-cmp often binds <Tab>; see docs/editors/README.md of dgls',
}

local function check_program()
  local config = vim.lsp.config.dgls
  local program = config and type(config.cmd) == 'table' and config.cmd[1] or 'dgls'
  if vim.fn.executable(program) == 0 then
    vim.health.error(('"%s" is not on the PATH'):format(program), { 'install it as docs/install.md in its repository says' })
    return
  end
  local done = vim.system({ program, '--version' }, { text = true, timeout = 60000 }):wait()
  if done.code == 0 then
    vim.health.ok(vim.trim(done.stdout))
  else
    vim.health.error(('"%s --version" fails: %s'):format(program, vim.trim(done.stderr)))
  end
end

local function check_editor()
  if vim.fn.has('nvim-0.12') == 0 then
    vim.health.error('Neovim 0.12 or newer is needed for suggestions at the cursor')
    return
  end
  vim.health.ok('Neovim has inline completion')
  if vim.lsp.inline_completion.is_enabled() then
    vim.health.ok('inline completion is on')
  else
    vim.health.warn('inline completion is off', { "require('dgls').setup()" })
  end
end

local function check_server()
  local clients = vim.lsp.get_clients({ name = 'dgls' })
  if #clients == 0 then
    vim.health.warn('dgls does not run', {
      "require('dgls').setup(), then open a file of one of its file types",
      ':checkhealth vim.lsp',
    })
    return
  end
  vim.health.ok(('dgls runs in %d buffer(s)'):format(vim.tbl_count(clients[1].attached_buffers)))
  local report = status.report
  local said = vim.inspect(report or 'nothing'):gsub('%s+', ' ')
  if report and report.state == 'failed' then
    vim.health.error('the model: ' .. report.message, { 'run "dgls doctor"' })
  else
    vim.health.info('the model: ' .. said)
  end
end

local function check_others()
  for module, advice in pairs(OTHERS) do
    if package.loaded[module] then
      vim.health.info(advice)
    end
  end
end

--- Say what is there and what is missing.
function M.check()
  vim.health.start('dgls')
  check_editor()
  check_program()
  check_server()
  check_others()
end

return M
